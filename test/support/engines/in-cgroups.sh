# in-cgroups.sh NAME COMMAND…: runs a command in control groups of its own, called NAME, that it sees as the root of all,
# mounted in /sys/fs/cgroup of a throw-away host. Container engines then make theirs below; whoever called removes NAME.
set -e
name=$1
shift
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
legacy=0
while IFS=: read -r _ controllers path; do
  # The unified hierarchy beside legacy ones has no controllers, and crun refuses the mixture.
  if [ -z "$controllers" ] && [ $legacy = 1 ]; then continue; fi
  if [ -n "$controllers" ]; then
    legacy=1
    at=/sys/fs/cgroup/${controllers#name=}
    case $controllers in name=*) options=none,$controllers ;; *) options=$controllers ;; esac
    mkdir "$at"
    mount -t cgroup -o "$options" cgroup "$at"
    own=$at${path%/}/$name
    mkdir "$own"
    if [ -e "$own/cpuset.cpus" ]; then
      cat "$own/../cpuset.cpus" >"$own/cpuset.cpus"
      cat "$own/../cpuset.mems" >"$own/cpuset.mems"
    fi
    echo $$ >"$own/cgroup.procs"
    umount "$at"
  else
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mkdir "/sys/fs/cgroup${path%/}/$name"
    echo $$ >"/sys/fs/cgroup${path%/}/$name/cgroup.procs"
    umount /sys/fs/cgroup
  fi
done <<<"$(tac /proc/self/cgroup | sort -t: -k2,2 -r)"
export legacy
exec unshare --cgroup bash -ec '
  if [ $legacy = 1 ]; then
    for at in /sys/fs/cgroup/*; do
      case ${at##*/} in systemd) options=none,name=systemd ;; *) options=${at##*/} ;; esac
      mount -t cgroup -o "$options" cgroup "$at"
    done
  else
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mkdir /sys/fs/cgroup/first
    echo $$ >/sys/fs/cgroup/first/cgroup.procs # groups with processes cannot hand controllers down
  fi
  exec "$@"' in-cgroups "$@"
