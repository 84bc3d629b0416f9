/** What a history says that the books, or no order of its operations, can bear. */
export interface HistoryViolation {
  readonly rule:
    | 'LOST_WRITE'
    | 'PHANTOM_WRITE'
    | 'WRONG_ANSWER'
    | 'IMPOSSIBLE_BALANCE'
    | 'STATUS_WENT_BACK'
    | 'CANCEL_FORGOTTEN';
  readonly subject: string;
  readonly problem: string;
}
