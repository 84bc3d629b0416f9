import type { ServerResponse } from 'node:http';
import { problem } from '@orderflow/service-runtime/problem';

/** Keeps one user from holding all streams: at 600 requests a minute the gateway's 4,000 would be theirs in 7 minutes. */
export interface StreamShare {
  /**
   * Counts a stream from now until its answer closes.
   * @throws Problem RATE_LIMITED when the user has as many open as one may
   */
  enter(userId: number, response: ServerResponse): void;
}

export function createStreamShare(perUserMax: number): StreamShare {
  const open = new Map<number, number>();
  return {
    enter(userId, response) {
      const mine = open.get(userId) ?? 0;
      if (mine >= perUserMax) {
        const detail = `a user may have ${perUserMax} streams open; end one of them first`;
        throw problem('RATE_LIMITED', { detail, headers: { 'Retry-After': '5' } });
      }
      open.set(userId, mine + 1);
      response.once('close', () => {
        const left = (open.get(userId) ?? 1) - 1;
        if (left > 0) open.set(userId, left);
        else open.delete(userId);
      });
    },
  };
}
