import type { FaultName } from '../kinds.ts';
import type { Strike } from './chaos.ts';
import { joinInstance, joinWithOddClock } from './instances.ts';
import { deliverTwice, poison, rewind } from './messages.ts';
import { freeze, kill, killLauncher } from './processes.ts';
import { flush } from './redis.ts';
import { fillDisk } from './volume.ts';
import { cut, endSessions, loseAnswers, reset, silence, slow } from './ways.ts';

/** How each kind of fault happens. */
export const STRIKES: Readonly<Record<FaultName, Strike>> = {
  kill,
  'kill-backend': kill,
  'kill-redis': kill,
  'kill-launcher': killLauncher,
  freeze,
  'freeze-long': freeze,
  'freeze-broker': freeze,
  'disk-full': fillDisk,
  'end-sessions': endSessions,
  reset,
  'lose-answers': loseAnswers,
  slow,
  silence,
  cut,
  'flush-redis': flush,
  'hang-redis': freeze,
  'deliver-twice': deliverTwice,
  rewind,
  'second-instance': joinInstance,
  'odd-clock': joinWithOddClock,
  poison,
};
