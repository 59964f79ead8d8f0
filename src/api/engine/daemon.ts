// /_ping, /version and /info: which daemon answers, in which versions of the Engine API.
import { arch, availableParallelism, hostname, release, totalmem } from 'node:os';
import type { Controller } from '../../core/requests.ts';
import type { Routes } from '../route.ts';
import { newestApi, oldestApi } from './api-version.ts';
import { statusOf } from './container-view.ts';

export const daemonRoutes: Routes = (app, { controller, version }) => {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/_ping',
    handler: async (_request, reply) =>
      reply
        .type('text/plain; charset=utf-8')
        .header('api-version', newestApi)
        .header('ostype', 'linux')
        .header('swarm', 'inactive')
        .header('cache-control', 'no-cache, no-store, must-revalidate')
        .send('OK'),
  });
  app.get('/version', async () => ({
    Platform: { Name: 'Fairlead' },
    Components: [{ Name: 'netd', Version: version, Details: { ApiVersion: newestApi } }],
    Version: version,
    ApiVersion: newestApi,
    MinAPIVersion: oldestApi,
    Os: 'linux',
    Arch: goArchitecture(),
    KernelVersion: release(),
    GitCommit: '',
    GoVersion: '',
  }));
  app.get('/info', async () => ({ ...counts(controller), ...host(), ServerVersion: version }));
};

function counts(controller: Controller) {
  const sandboxes = controller.sandboxes();
  const running = sandboxes.filter((sandbox) => statusOf(sandbox) === 'running').length;
  const drivers = controller.drivers().map((driver) => (driver === 'none' ? 'null' : driver));
  return {
    Containers: sandboxes.length,
    ContainersRunning: running,
    ContainersPaused: 0,
    ContainersStopped: sandboxes.length - running,
    Images: 0,
    Plugins: { Volume: [], Network: drivers.sort(), Authorization: null, Log: [] },
  };
}

function host() {
  return {
    ID: hostname(),
    Name: hostname(),
    Driver: '',
    OSType: 'linux',
    OperatingSystem: 'linux',
    Architecture: goArchitecture(),
    KernelVersion: release(),
    NCPU: availableParallelism(),
    MemTotal: totalmem(),
    Swarm: { LocalNodeState: 'inactive' },
  };
}

/** Node calls it x64. */
function goArchitecture(): string {
  return arch() === 'x64' ? 'amd64' : arch();
}
