import { connect } from 'node:net';
import type { Strike } from './chaos.ts';

/** Everything that Redis held is gone: caches, limits, locks. */
export const flush: Strike = ({ stack }) =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: stack.ports.redis });
    let answer = '';
    const fail = () => {
      socket.destroy();
      reject(new Error('Redis does not answer'));
    };
    socket.once('connect', () => socket.write('DBSIZE\r\nFLUSHALL\r\n'));
    socket.on('data', (chunk: Buffer) => {
      answer += String(chunk);
      const flushed = /^:(\d+)\r\n\+OK/.exec(answer);
      if (!flushed) return;
      socket.destroy();
      resolve(`${flushed[1]} keys`);
    });
    socket.once('error', fail);
    socket.setTimeout(2_000, fail);
  });
