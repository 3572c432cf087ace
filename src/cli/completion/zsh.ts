import { allNodes, type CommandNode, type CompletedOption } from './command-tree.ts';

/** The completion for zsh, with descriptions. Like the one for bash it starts nothing and evaluates nothing. */
export function zshCompletion(program: string, root: CommandNode): string {
  return `#compdef ${program}
# Completion of ${program} for zsh: source <(${program} completion zsh), after compinit;
# or write it to a file _${program} in a folder of $fpath.

${allNodes(root)
  .map((node) => functionOf(program, node))
  .join('\n')}
if [[ $funcstack[1] == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${program}
fi
`;
}

function functionOf(program: string, node: CommandNode): string {
  const { options, choices, commands } = node;
  const nested = commands.length > 0;
  const specs = [
    ...options.map(optionSpec),
    ...(nested ? [`'1: :->command'`, `'*:: :->rest'`] : []),
    ...(!nested && choices.length > 0 ? [quoted(`1: :(${choices.join(' ')})`)] : []),
  ];
  return `${nameOf(program, node.path)}() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  _arguments -C ${specs.join(' ')}${nested ? statesOf(program, commands) : ''}
}
`;
}

function statesOf(program: string, commands: readonly CommandNode[]): string {
  const described = commands.map(({ path, description }) => quoted(`${path.at(-1)}:${description}`));
  const calls = commands.map(({ path }) => `${path.at(-1)}) ${nameOf(program, path)} ;;`);
  return `
  case $state in
    command)
      local -a commands=(${described.join(' ')})
      _describe -t commands command commands
      ;;
    rest)
      case $words[1] in
        ${calls.join('\n        ')}
      esac
      ;;
  esac`;
}

function nameOf(program: string, path: readonly string[]): string {
  return ['', program, ...path].join('_');
}

function optionSpec({ flags, description, value }: CompletedOption): string {
  const explained = `[${description.replaceAll(/[\\[\]:]/g, String.raw`\$&`)}]`;
  const action =
    value === null ? '' : `:${value.name}:${value.choices.length > 0 ? `(${value.choices.join(' ')})` : ' '}`;
  const names = flags.map((flag) => (value !== null && flag.startsWith('--') ? `${flag}=` : flag));
  if (names.length === 1) return quoted(`${names[0]}${explained}${action}`);
  return `${quoted(`(${flags.join(' ')})`)}{${names.join(',')}}${quoted(`${explained}${action}`)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
