import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { REPOSITORY } from './planted-tree.ts';

/**
 * A failpoint is a value in a constructor's argument, so it can be switched on where that argument is written and
 * nowhere else: there the name must not stand, nor anything that could bring it along.
 */
const NAME = 'failAt';
const KIT = 'packages/messaging/src/';

/** What in a source could let an environment variable switch a failpoint on. */
function switchesOf(path: string, text: string): readonly string[] {
  const found: string[] = [];
  const inKit = path.startsWith(KIT);
  const visit = (node: ts.Node): void => {
    if (!inKit && isNamed(node, NAME)) found.push(`names ${NAME}`);
    if (inKit && isNamed(node, 'process') && !isNextTick(node.parent)) found.push('looks at the process');
    if (inKit && isNamed(node, 'globalThis')) found.push('looks at the process');
    if (inKit && ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      found.push('imports at run time');
    if (inKit && ts.isImportDeclaration(node) && isNamed(node.moduleSpecifier, 'node:process'))
      found.push('looks at the process');
    if (
      !inKit &&
      ts.isNewExpression(node) &&
      isNamed(node.expression, 'Kit') &&
      !isWrittenOut(node.arguments)
    )
      found.push('takes options that are not written out');
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return found;
}

const isNamed = (node: ts.Node, name: string): boolean =>
  (ts.isIdentifier(node) || ts.isStringLiteralLike(node)) && node.text === name;

const isNextTick = (node: ts.Node): boolean =>
  ts.isPropertyAccessExpression(node) && node.name.text === 'nextTick';

/** One object whose properties all have a name. */
const isWrittenOut = (options: readonly ts.Expression[] = []): boolean =>
  options.every(
    (option) =>
      ts.isObjectLiteralExpression(option) &&
      option.properties.every(({ name }) => name !== undefined && ts.isIdentifier(name)),
  );

/** The sources of all that runs: tests, and what only they use, are not among them. */
function sources(): readonly string[] {
  return ['packages', 'services', 'infra']
    .flatMap(within)
    .concat('bench', 'chaos')
    .filter((folder) => folder !== 'packages/testing' && existsSync(join(REPOSITORY, folder, 'src')))
    .flatMap((folder) =>
      readdirSync(join(REPOSITORY, folder, 'src'), { recursive: true, encoding: 'utf8' })
        .filter((name) => /(?<!\.test)\.ts$/.test(name) && !name.startsWith('generated/'))
        .map((name) => `${folder}/src/${name}`),
    );
}

const within = (room: string) => readdirSync(join(REPOSITORY, room)).map((name) => `${room}/${name}`);

const SERVICE = 'services/coupon/src/service.ts';

const PLANTED: readonly (readonly [path: string, text: string, found: readonly string[]])[] = [
  [SERVICE, 'new Kit({ service, failAt: stall });', [`names ${NAME}`]],
  [SERVICE, 'const failAt = stall; new Kit({ service });', [`names ${NAME}`]],
  [SERVICE, "kitOptions['failAt'] = stall;", [`names ${NAME}`]],
  [SERVICE, 'new Kit({ service, ...config });', ['takes options that are not written out']],
  [SERVICE, 'new Kit({ service, [config.KEY]: stall });', ['takes options that are not written out']],
  [SERVICE, 'new Kit(options);', ['takes options that are not written out']],
  ['services/coupon/src/config.ts', 'const schema = { failAt: z.string() };', [`names ${NAME}`]],
  [`${KIT}kit.ts`, 'const point = process.env.FAIL_AT;', ['looks at the process']],
  [`${KIT}kit.ts`, 'const { env } = process;', ['looks at the process']],
  [`${KIT}kit.ts`, "import { env } from 'node:process';", ['looks at the process']],
  [`${KIT}kit.ts`, 'globalThis.failAt?.(point);', ['looks at the process']],
  [`${KIT}kit.ts`, 'await import(options.plan);', ['imports at run time']],
  [SERVICE, 'new Kit({ service, steps: [{ step }], onFatal });', []],
  [`${KIT}kit.ts`, "if (failAt) await failAt('step.loaded'); process.nextTick(run);", []],
];

describe('a failpoint of the kit', () => {
  const texts = new Map(sources().map((path) => [path, readFileSync(join(REPOSITORY, path), 'utf8')]));

  it('is switched on by nothing that runs outside tests, and no environment variable can', () => {
    const found = [...texts].flatMap(([path, text]) =>
      switchesOf(path, text).map((what) => `${path} ${what}`),
    );
    expect(found).toEqual([]);
  });

  it('is looked for wherever a kit is made', () => {
    const makers = [...texts].filter(([, text]) => text.includes('new Kit(')).map(([path]) => path);
    const services = ['coupon', 'order', 'payment', 'product', 'user-balance'];
    expect(makers.sort()).toEqual(services.map((service) => `services/${service}/src/service.ts`));
    expect(texts.has(`${KIT}failpoints.ts`)).toBe(true);
  });

  it.each(PLANTED)('in %s: %s', (path, text, found) => {
    expect(switchesOf(path, text)).toEqual(found);
  });
});
