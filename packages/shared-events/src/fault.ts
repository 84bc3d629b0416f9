/** Dead-letter reasons that a step's own rules give; all other reasons are the kit's. */
export type MessageFaultCode = 'REFUND_WITHOUT_CHARGE';

/**
 * A message that is well formed and yet cannot be true: thrown by a pure `decide`, parked by the kit under its code.
 * Business refusals are facts, never faults.
 */
export class MessageFault extends Error {
  readonly code: MessageFaultCode;

  constructor(code: MessageFaultCode, message: string) {
    super(message);
    this.name = 'MessageFault';
    this.code = code;
  }
}
