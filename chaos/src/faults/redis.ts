import { connect } from 'node:net';
import type { Strike } from './chaos.ts';

/** Everything that Redis held is gone: caches, limits, locks. */
export const flush: Strike = ({ stack }) =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: stack.ports.redis });
    const end = () => {
      socket.destroy();
      resolve();
    };
    socket.once('connect', () => socket.write('FLUSHALL\r\n'));
    socket.once('data', end);
    // Another fault has it: then it is empty anyway.
    socket.once('error', end);
    socket.setTimeout(2_000, end);
  });
