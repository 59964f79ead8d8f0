// The daemon's log: pino, as JSON or as lines for people. The only importer of pino.
import { destination, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type Log = Logger;
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Writes to stderr, synchronously, so that nothing is lost when the process is killed. */
export function createLog(level: LogLevel, format: 'text' | 'json'): Log {
  const options = { level, base: null, formatters: { level: (label: string) => ({ level: label }) } };
  if (format === 'json') return pino(options, destination({ fd: 2, sync: true }));
  const stream = pretty({
    destination: 2,
    sync: true,
    singleLine: true,
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l',
    colorize: false,
  });
  return pino(options, stream);
}
