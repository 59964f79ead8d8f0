# run.sh FOLDER ROUNDS: runs FOLDER/true by every engine in turn, inside a throw-away host where netd answers already.
# Prints `WAY MICROSECONDS` for each run, from the start of the command to its end, and `without WAY REASON` for an engine
# that cannot run here.
cd "$1"
rounds=$2
warm_up=3
export CONTAINERS_CONF=$1/containers.conf
cat >containers.conf <<'C'
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
C

net_run() { net run -- "$folder/true"; }
net_run_named() { net run --network bench -- "$folder/true"; }
docker_run() { docker run --rm bench /true; }
docker_run_named() { docker run --rm --network bench bench /true; }
podman_run_named() { podman run --rm --network bench localhost/bench /true; }

prepare_net() { net create bench; }

prepare_docker() {
  mkdir -p /var/lib/docker && mount -t tmpfs tmpfs /var/lib/docker || return
  dockerd --iptables=true >dockerd.log 2>&1 &
  for _ in $(seq 150); do
    docker version >docker.log 2>&1 && break
    kill -0 $! 2>/dev/null || { tail -3 dockerd.log; return 1; }
    sleep 0.1
  done
  docker import bench.tar bench && docker network create bench
}

prepare_podman() {
  mkdir -p /var/lib/containers && mount -t tmpfs tmpfs /var/lib/containers || return
  podman import bench.tar localhost/bench && podman network create bench
}

measure() {
  local began=${EPOCHREALTIME/[.,]/}
  "$1" >output 2>&1
  local status=$? ended=${EPOCHREALTIME/[.,]/}
  if [ $status != 0 ]; then
    echo "without $1 exit status $status: $(tail -1 output)"
    return 1
  fi
  [ "$2" -le $warm_up ] || echo "$1 $((ended - began))"
  sleep 0.1 # what an engine clears away after its command has ended does not burden the next
}

folder=$1
declare -A preparation=(
  [net_run]=net [net_run_named]=net [docker_run]=docker [docker_run_named]=docker [podman_run_named]=podman
)
for engine in net docker podman; do
  "prepare_$engine" >"$engine.log" 2>&1 && continue
  for way in "${!preparation[@]}"; do
    [ "${preparation[$way]}" = $engine ] && echo "without $way $(tail -1 "$engine.log")" && unset "preparation[$way]"
  done
done
for round in $(seq $((rounds + warm_up))); do
  for way in "${!preparation[@]}"; do
    measure "$way" "$round" || unset "preparation[$way]"
  done
done
