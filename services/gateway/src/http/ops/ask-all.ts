import type { UntypedRequest } from '@orderflow/service-runtime/route';
import { SERVICES, type Service } from '@orderflow/operations/shapes';
import { away, isAway, type AskService, type Question } from './ask-service.ts';

/** What several services said, in the order of the services, and who did not. */
export interface Parts<Part> {
  readonly parts: readonly { readonly service: Service; readonly part: Part }[];
  readonly unavailable: readonly Service[];
}

type Asked = Pick<UntypedRequest, 'requestId' | 'traceparent' | 'signal' | 'header'>;

/** The question of a request: its token, ids and patience go along. */
export function questionOf(
  request: Asked,
  question: Pick<Question, 'method' | 'target' | 'body' | 'timeoutMs'>,
): Question {
  const { requestId, traceparent, signal } = request;
  return { ...question, requestId, traceparent, signal, authorization: request.header('authorization') };
}

/**
 * Asks services at the same time. One that is away is named, not waited for beyond the time-out.
 * @throws Problem UNAVAILABLE when none answered; a refusal as the service gave it
 */
export async function askAll<Part>(
  ask: AskService,
  questionFor: (service: Service) => Question,
  services: readonly Service[] = SERVICES,
): Promise<Parts<Part>> {
  const unavailable: Service[] = [];
  const answers = await Promise.all(
    services.map(async (service) => {
      try {
        return [{ service, part: (await ask(service, questionFor(service))) as Part }];
      } catch (error) {
        if (!isAway(error)) throw error;
        unavailable.push(service);
        return [];
      }
    }),
  );
  const parts = answers.flat();
  if (parts.length === 0 && unavailable.length > 0) throw away(unavailable.join(', '));
  return { parts, unavailable: services.filter((service) => unavailable.includes(service)) };
}
