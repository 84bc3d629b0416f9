import type { Command } from 'commander';

/**
 * A bash script that completes commands, sub-commands and options: made from the commands themselves, so that it cannot
 * fall behind them.
 */
export function bashCompletion(program: Command): string {
  const cases = everyCommand(program, []).map(({ path, command }) => {
    const words = [
      ...command.commands.map((sub) => sub.name()),
      ...[...command.options, ...program.options].flatMap(({ long }) =>
        typeof long === 'string' ? [long] : [],
      ),
      '--help',
    ];
    return `    '${path.join(' ')}') words='${[...new Set(words)].join(' ')}' ;;`;
  });
  return [
    '# orderflow completion: source <(orderflow completion bash)',
    '_orderflow() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" path="" word words=""',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    [[ $word == [a-z]* ]] && path="${path:+$path }$word"',
    '  done',
    '  # An argument (order show 7) belongs to the command before it.',
    '  while [[ -n $path && -z $words ]]; do',
    '    case "$path" in',
    ...cases.filter((line) => !line.startsWith("    ''")),
    '    *) [[ $path == *" "* ]] && path="${path% *}" || path="" ;;',
    '    esac',
    '  done',
    `  [[ -z $words ]] && ${cases
      .find((line) => line.startsWith("    ''"))
      ?.replace(/^.*\) /, '')
      .replace(' ;;', '')}`,
    '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")',
    '}',
    'complete -F _orderflow orderflow',
  ].join('\n');
}

function everyCommand(
  command: Command,
  path: readonly string[],
): { path: readonly string[]; command: Command }[] {
  return [{ path, command }, ...command.commands.flatMap((sub) => everyCommand(sub, [...path, sub.name()]))];
}
