import type { IncomingMessage, ServerResponse } from 'node:http';
import { requestIdOf, sendProblem } from '@orderflow/service-runtime/http-exchange';
import { problem } from '@orderflow/service-runtime/problem';

/** The answers that are being made, for an orderly end. */
export interface Drain {
  /** A middleware that sees every request. */
  watch: (request: IncomingMessage, response: ServerResponse, next: () => void) => void;
  /** From now on an answer ends its connection, so that callers connect anew: to another instance. */
  begin(): void;
  isOn(): boolean;
  /** Answers 503 to whoever still waits: better than a connection that breaks. */
  giveUp(): void;
}

export function createDrain(): Drain {
  const running = new Map<ServerResponse, IncomingMessage>();
  let on = false;
  return {
    watch(request, response, next) {
      running.set(response, request);
      response.once('close', () => running.delete(response));
      if (on) response.shouldKeepAlive = false;
      next();
    },
    begin() {
      on = true;
      for (const response of running.keys()) if (!response.headersSent) response.shouldKeepAlive = false;
    },
    isOn: () => on,
    giveUp() {
      for (const [response, request] of running) {
        const detail = 'the gateway is restarting; try again';
        const refusal = problem('UNAVAILABLE', { detail, headers: { 'Retry-After': '1' } });
        sendProblem(response, refusal, requestIdOf(request));
      }
    },
  };
}
