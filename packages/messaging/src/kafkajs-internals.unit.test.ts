import { describe, expect, it } from '@jest/globals';
import { kafkajsInternal } from './kafkajs-internals.ts';

describe('the insides of kafkajs', () => {
  it('are not touched in a release that nobody compared', () => {
    const load = (id: string) => (id === 'kafkajs/package.json' ? { version: '2.2.5' } : {});
    expect(() => kafkajsInternal('protocol/requests/fetch', load)).toThrow('kafkajs 2.2.5 is installed');
  });
});
