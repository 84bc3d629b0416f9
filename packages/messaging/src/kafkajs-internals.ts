import { createRequire } from 'node:module';

/** The one kafkajs release whose insides are known here, byte by byte. */
const KNOWN_VERSION = '2.2.4';

const load = createRequire(import.meta.url);

/**
 * Loads a module from inside kafkajs (`network/requestQueue`), for the patches that have no public seam.
 * The caller states the module's shape: the tests beside each patch are what holds it to that.
 * @throws Error when the installed kafkajs is another release: a patch of unknown insides is worse than none.
 */
export function kafkajsInternal(path: string, require: (id: string) => unknown = load): unknown {
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== KNOWN_VERSION) {
    throw new Error(
      `kafkajs ${version} is installed, its insides are known for ${KNOWN_VERSION} only: ` +
        `run the tests of packages/messaging against ${version} before raising KNOWN_VERSION`,
    );
  }
  return require(`kafkajs/src/${path}`);
}
