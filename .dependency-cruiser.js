// Who may import whom. `npm run check` fails on the first import that breaks a rule; each rule says why it is there.

/** Folder of src, the folders it may import besides itself, and the reason. */
const layers = [
  ['base', [], 'base knows nothing of networks, so that everything may use it'],
  ['model', ['base'], 'records are plain data: they know neither the kernel nor who reads them'],
  ['kernel', ['base'], 'typed verbs over kernel interfaces: no idea of what they are used for'],
  [
    'drivers',
    ['base', 'model', 'kernel'],
    'a driver returns data; it never calls back and never meets the firewall',
  ],
  [
    'firewall',
    ['base', 'model', 'kernel'],
    'a firewall renders policies; it does not know drivers or records',
  ],
  ['dns', ['base', 'model', 'kernel'], 'names are told to it; it asks nobody'],
  ['sandbox', ['base', 'model', 'kernel'], 'carries out attachments, whichever driver made them'],
  [
    'tracer',
    ['base', 'model', 'kernel'],
    'follows packets through what is in the kernel, whoever put it there; records are handed in',
  ],
  ['ipam', ['base', 'model'], 'pure arithmetic over pools; what the host uses is handed in'],
  ['store', ['base', 'model'], 'keeps records; knows nothing of what they cause'],
  [
    'cluster',
    ['base', 'model'],
    'agrees with other hosts on records; what they cause here is not its affair',
  ],
  [
    'core',
    ['base', 'model'],
    'decides, through the contracts below, so that every part has a twin for tests',
  ],
  ['cni', ['base', 'model', 'core'], 'translates what CNI runtimes ask; knows neither HTTP nor the kernel'],
  [
    'docker',
    ['base', 'model', 'core'],
    "asks Docker's API what the plugin protocol does not tell; knows neither the kernel nor our own doors",
  ],
  ['api', ['base', 'model', 'core', 'cni'], 'a door translates, the core decides'],
  ['client', ['base', 'model'], 'speaks to the socket and must not pull the daemon into the command line'],
  ['cli', ['base', 'model', 'client'], 'the command line is a client like any other'],
];

/** The contract files: all the core may know of the parts it drives. */
const contracts = [
  'drivers/driver',
  'drivers/host-forwarding',
  'cluster/cluster',
  'ipam/ipam-driver',
  'firewall/firewall',
  'firewall/host-ports',
  'firewall/passage',
  'sandbox/sandbox',
  'store/store',
  'tracer/tracer',
  'tracer/prober',
  'dns/name-service',
];

/** Outside modules with one place each. */
const confined = [
  ['fastify', 'node_modules/(@fastify/|fastify)', '^src/api/', 'HTTP ends where routes end'],
  ['dns2', 'node_modules/dns2', '^src/dns/message/wire\\.ts$', 'its packets are checked in one place'],
  ['ip-cidr', 'node_modules/ip-cidr', '^src/base/cidr\\.ts$', 'slow and lenient: for text at the edge only'],
  ['grpc', 'node_modules/@grpc', '^src/cluster/etcd/connection\\.ts$', 'one place that talks to etcd'],
  ['pino', 'node_modules/pino', '^src/base/log\\.ts$', 'one log, one format'],
  [
    'child-process',
    '^(node:)?child_process$',
    '^src/(firewall/iptables|cli)/',
    'a spawn blocks the event loop for milliseconds and hides what the daemon does to the kernel',
  ],
  ['addon', '\\.node$', '^src/kernel/native\\.ts$', 'one file checks every argument before C++ sees it'],
];

const layerRules = layers.map(([name, allowed, reason]) => ({
  name: `layer-${name}`,
  comment: reason,
  severity: 'error',
  from: { path: `^src/${name}/` },
  to: {
    path: '^src/',
    pathNot: [
      `^src/(${[name, ...allowed].join('|')})/`,
      ...(name === 'core' ? [`^src/(${contracts.join('|')})\\.ts$`] : []),
    ],
  },
}));

const confinedRules = confined.map(([name, module, place, reason]) => ({
  name: `only-${name}`,
  comment: reason,
  severity: 'error',
  from: { path: '^src/', pathNot: place },
  to: { path: module },
}));

export default {
  forbidden: [
    ...layerRules,
    ...confinedRules,
    {
      name: 'nobody-imports-bin',
      comment: 'parts are put together there, and nowhere else',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/bin/' },
      to: { path: '^src/bin/' },
    },
    {
      name: 'no-tests-in-the-product',
      comment: 'what ships does not lean on what tests it',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts|examples)/' },
    },
    {
      name: 'no-development-dependencies',
      comment: 'they are not there after an install',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'no-cycles',
      comment: 'arguments go down, values come up, nobody calls upward',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'a file nobody imports is dead',
      severity: 'error',
      from: { orphan: true, path: '^src/' },
      to: {},
    },
    {
      name: 'no-unresolvable',
      comment: 'an import that leads nowhere',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '\\.node$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Type-only imports count: a layer that knows another's types knows the layer.
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    exoticRequireStrings: ['require'],
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node'],
    },
  },
};
