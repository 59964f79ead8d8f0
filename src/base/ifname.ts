// Names of network interfaces.

const limitBytes = 15;
/** `all` and `default` stand for every interface among the sysctls (sysctl_dev_name_is_allowed in include/net/ip.h). */
const reserved: readonly string[] = ['.', '..', 'all', 'default'];

/** Whether the kernel takes the name as it is: dev_valid_name in net/core/dev.c, where a `%` stands for a number. */
export function isIfname(name: string): boolean {
  const characters = /^[^\s/:%\p{Cc}\p{Cs}]+$/u;
  return characters.test(name) && Buffer.byteLength(name) <= limitBytes && !reserved.includes(name);
}
