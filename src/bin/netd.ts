// The daemon: reads its settings, brings records and kernel together, opens its doors, and ends on SIGTERM.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPluginServer } from '../api/plugin/server.ts';
import { createServer } from '../api/server.ts';
import { UsageError, usageText } from '../base/command-line.ts';
import { lockDirectory } from '../base/directory-lock.ts';
import { toNetError } from '../base/errors.ts';
import { createLog, type Log } from '../base/log.ts';
import { DoorAfterDeletions } from '../cni/deletions.ts';
import { CniDoor } from '../cni/door.ts';
import { CoreController } from '../core/controller.ts';
import { dockerSocketBeside } from '../docker/docker-engine.ts';
import { followDocker } from '../docker/follow-docker.ts';
import { raiseOpenFiles } from '../kernel/process.ts';
import { openSocketKeeper } from '../kernel/socket-keeper.ts';
import { sendToUnixSocket } from '../kernel/sockets.ts';
import { assemble, dismantle } from './assemble.ts';
import { type Config, netdCommand, readConfig } from './config.ts';

/** What must be over when a SIGTERM has been answered for this long is ended. */
const stopLimitMs = 1800;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

const config = configOrExit();
if (config !== undefined) {
  const log = createLog(config.logLevel, config.logFormat);
  try {
    await serve(config, log);
  } catch (error) {
    log.error({ reason: error instanceof Error ? error.message : String(error) }, 'netd cannot start');
    process.exit(1);
  }
}

function configOrExit(): Config | undefined {
  try {
    const read = readConfig(process.argv.slice(2), process.env);
    if (read === undefined) process.stdout.write(usageText(netdCommand));
    return read;
  } catch (error) {
    process.stderr.write(
      `netd: ${error instanceof UsageError ? error.message : toNetError(error).message}\n`,
    );
    return process.exit(2);
  }
}

async function serve(config: Config, log: Log): Promise<void> {
  process.umask(0o022); // the users in a sandbox read the files made for it
  log.debug({ openFiles: raiseOpenFiles() }, 'descriptors that may be open at once');
  mkdirSync(config.runDir, { recursive: true });
  mkdirSync(config.netnsDir, { recursive: true });
  const lock = await lockDirectory(config.runDir);
  // Before a door is open nothing else may keep the process alive, and whoever waits for silent hosts has timers that do not.
  const life = setInterval(() => {}, 60_000);
  const keeper = await openSocketKeeper({ path: join(config.runDir, 'keeper.sock'), log });
  const parts = await assemble(config, log, keeper);
  const controller = new CoreController(parts);
  await controller.start();
  await keeper.dropUntaken();
  const cni = new DoorAfterDeletions(new CniDoor(controller.runtimes, log), log);
  const server = createServer({ controller, cni, log, version });
  const { engines } = controller;
  const docker = followDocker({ socket: dockerSocketBeside(config.dockerPluginDir), engines, log });
  const plugin = createPluginServer({ engines, onCall: () => docker.wake(), log });
  const socket = join(config.runDir, 'api.sock');
  mkdirSync(config.dockerPluginDir, { recursive: true });
  await server.listen(socket);
  await plugin.listen(join(config.dockerPluginDir, 'fairlead.sock'));
  // Only now: whoever finds nobody at the socket leaves a deletion, and asks once more after that.
  await cni.carryOutDeletions(config.runDir);
  log.info({ socket: `unix://${socket}`, version, firewall: parts.firewall.name }, 'ready');
  notifySupervisor(log);

  const stop = async (signal: string) => {
    log.info({ signal }, 'stopping; networks stay as they are');
    setTimeout(() => process.exit(1), stopLimitMs);
    clearInterval(life);
    await Promise.all([server.close(), plugin.close(), docker.close()]);
    await controller.close();
    // From here on questions wait for the next daemon.
    await keeper.leave();
    await dismantle(parts);
    await lock.release();
    process.exit(0);
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
}

/** Tells systemd, or who else set NOTIFY_SOCKET (man 3 sd_notify), that the doors are open. */
function notifySupervisor(log: Log): void {
  const path = process.env['NOTIFY_SOCKET'];
  if (path === undefined || path === '') return;
  try {
    sendToUnixSocket(path, 'READY=1');
  } catch (error) {
    log.warn({ path, reason: String(error) }, 'NOTIFY_SOCKET does not answer');
  }
}
