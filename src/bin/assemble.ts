// The parts of the daemon, put together. The only place that knows every implementation.
import { join } from 'node:path';
import type { Cidr } from '../base/cidr.ts';
import type { Log } from '../base/log.ts';
import { sparingLog } from '../base/sparing-log.ts';
import { readBootId } from '../cluster/boot-clock.ts';
import { EventBus } from '../core/events.ts';
import { Lingering } from '../core/lingering.ts';
import type { Parts } from '../core/parts.ts';
import { PresentNetworks } from '../core/present-networks.ts';
import { createNameService } from '../dns/engine.ts';
import { DockerApi } from '../docker/docker-api.ts';
import { DockerEngine, dockerSocketBeside } from '../docker/docker-engine.ts';
import { BridgeDriver } from '../drivers/bridge/bridge.ts';
import { SysctlForwarding } from '../drivers/bridge/forwarding.ts';
import type { Driver } from '../drivers/driver.ts';
import { ForeignDriver } from '../drivers/foreign.ts';
import { HostDriver } from '../drivers/host.ts';
import type { ChangedSysctl, ChangedSysctls } from '../drivers/host-forwarding.ts';
import { MacvlanDriver } from '../drivers/macvlan.ts';
import { NoneDriver } from '../drivers/none.ts';
import { OverlayDriver } from '../drivers/overlay/overlay.ts';
import { chooseFirewall, choosePassage } from '../firewall/choose.ts';
import { HeldPorts } from '../firewall/held-ports.ts';
import { saveLegacy } from '../firewall/iptables/leftovers.ts';
import { DefaultIpam } from '../ipam/default-ipam.ts';
import { ForeignIpam } from '../ipam/foreign-ipam.ts';
import type { IpamDriver } from '../ipam/ipam-driver.ts';
import { NullIpam } from '../ipam/null-ipam.ts';
import { SharedIpam } from '../ipam/shared-ipam.ts';
import { randomUlaPrefix } from '../ipam/ula-prefix.ts';
import { hostSubnetsInUse } from '../kernel/host-subnets.ts';
import type { SocketKeeper } from '../kernel/socket-keeper.ts';
import { HostsFiles } from '../sandbox/hosts-file.ts';
import { NetlinkLinkWatcher } from '../sandbox/link-watcher.ts';
import { NetnsSandboxes } from '../sandbox/netns-sandbox.ts';
import { pidfdWatcher } from '../sandbox/process-watcher.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import type { Store } from '../store/store.ts';
import { KernelTracer } from '../tracer/kernel-tracer.ts';
import { SocketProber } from '../tracer/socket-prober.ts';
import { openCluster } from './cluster.ts';
import type { Config } from './config.ts';
import { nameEvents } from './name-events.ts';
import { sharedBlocks } from './shared-blocks.ts';

/** Opens the records and everything that works on the kernel; changes nothing there yet. */
export async function assemble(config: Config, log: Log, keeper?: SocketKeeper): Promise<Parts> {
  const { runDir, stateDir, netnsDir } = config;
  const store = await openEmbeddedStore({ directory: stateDir, log });
  const { cluster, underlay } = await openCluster(config, store, log);
  const drivers: readonly Driver[] = [
    new BridgeDriver(),
    new OverlayDriver({ underlay: () => underlay }),
    new HostDriver(),
    new NoneDriver(),
    new MacvlanDriver(),
    new ForeignDriver(),
  ];
  const ipams: readonly IpamDriver[] = [
    new SharedIpam(
      new DefaultIpam({
        pools: config.pools,
        hostSubnets: () => hostSubnetsInUse('/etc/resolv.conf'),
        ulaPrefix: await ulaPrefix(store),
      }),
      sharedBlocks(cluster, store),
    ),
    new NullIpam(),
    new ForeignIpam(),
  ];
  const bootId = readBootId();
  const events = new EventBus();
  const firewall = await chooseFirewall(config.firewall, log);
  // Sandboxes ask as often as they like, and a change may concern thousands of names.
  const nameLog = sparingLog(log);
  return {
    cluster,
    store,
    drivers: new Map(drivers.map((driver) => [driver.name, driver])),
    ipams: new Map(ipams.map((ipam) => [ipam.name, ipam])),
    forwarding: new SysctlForwarding({
      changed: changedSysctls(store, bootId),
      inform: (text) => log.info(text),
    }),
    firewall,
    passage: choosePassage(firewall.name, log),
    hostPorts: new HeldPorts(),
    sandboxes: new NetnsSandboxes({ netnsDir, runDir }),
    files: new HostsFiles({ directory: join(runDir, 'sandboxes') }),
    processes: pidfdWatcher,
    links: await NetlinkLinkWatcher.open(),
    names: createNameService({
      log: nameLog,
      keeper,
      upstreams: config.dns,
      ...nameEvents(events, nameLog),
    }),
    containers: new DockerEngine(new DockerApi(dockerSocketBeside(config.dockerPluginDir))),
    tracer: new KernelTracer(saveLegacy),
    prober: new SocketProber(),
    events,
    lingering: new Lingering(),
    present: new PresentNetworks(),
    log,
    bootId,
  };
}

/** Lets go of everything outside the process; what is in the kernel stays. */
export async function dismantle(parts: Parts): Promise<void> {
  await parts.names.shutdown();
  await parts.passage.close();
  await parts.firewall.close();
  await parts.sandboxes.close();
  await parts.store.close();
}

/** The /48 this installation takes its IPv6 subnets from: chosen once. */
async function ulaPrefix(store: Store): Promise<Cidr> {
  const known = store.state.settings.get('ulaPrefix');
  if (known !== undefined) return known as Cidr;
  const prefix = randomUlaPrefix();
  await store.commit([{ put: 'setting', key: 'ulaPrefix', value: prefix }], { durable: true });
  return prefix;
}

/** With the boot they were changed in: in a later one they are what the host makes of them. */
function changedSysctls(store: Store, bootId: string): ChangedSysctls {
  const key = 'changedSysctls';
  return {
    read() {
      const recorded = JSON.parse(store.state.settings.get(key) ?? '{}') as {
        readonly bootId?: string;
        readonly sysctls?: Readonly<Record<string, ChangedSysctl>>;
      };
      return recorded.bootId === bootId ? (recorded.sysctls ?? {}) : {};
    },
    // A power cut ends what was changed as well.
    write: (sysctls) => store.commit([{ put: 'setting', key, value: JSON.stringify({ bootId, sysctls }) }]),
  };
}
