import { describe, expect, it } from '@jest/globals';
import { createLogger } from './logger.ts';

describe('the log', () => {
  it('never holds a credential: not by field, not in a URL, not in an error', () => {
    const lines: string[] = [];
    const logger = createLogger({
      service: 'test',
      level: 'info',
      destination: { write: (line) => void lines.push(line) },
    });
    logger.info({ password: 'hunter2', req: { headers: { authorization: 'Bearer abc.def' } } }, 'fields');
    logger.info({ url: 'postgres://app:hunter2@db:5432/x' }, 'redis://:hunter2@cache is away');
    logger.error(
      { err: new Error('cannot reach postgres://app:hunter2@db/x with Bearer abc.def') },
      'failed',
    );
    const text = lines.join('');
    expect(lines).toHaveLength(3);
    expect(text).not.toMatch(/hunter2|abc\.def/);
    expect(text).toContain('postgres://app:***@db:5432/x');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', service: 'test', msg: 'fields' });
  });
});
