import { allNodes, type CommandNode } from './command-tree.ts';

/**
 * The completion for bash. It holds all words itself: nothing is started while a person types, and nothing that was typed is
 * evaluated. Needs no other package.
 */
export function bashCompletion(program: string, root: CommandNode): string {
  const nodes = allNodes(root);
  const name = `_${program.replaceAll('-', '_')}`;
  return `# Completion of ${program} for bash: source <(${program} completion bash)
${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} path='' options='' words='' arguments=0 i
  COMPREPLY=()
  # Bash takes --name=value for three words.
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $previous == '=' ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
      ${patterns(nodes.filter(({ path }) => path.length > 0).map(({ path }) => key(path)))})
        path="$path \${COMP_WORDS[i]}"
        arguments=0
        ;;
      *' -'*) ;;
      *) arguments=$((arguments + 1)) ;;
    esac
  done
  case "$path $previous" in
${nodes.flatMap(valueCases).join('\n')}
    *)
      case "$path" in
${nodes.map(nodeCase).join('\n')}
      esac
      if [[ $current == -* || -z $words || $arguments -gt 0 ]]; then words=$options; fi
      ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F ${name} ${program}
`;
}

/** As the variable `path` has it. */
function key(path: readonly string[]): string {
  return path.map((word) => ` ${word}`).join('');
}

function patterns(values: readonly string[]): string {
  return values.map((value) => `'${value}'`).join(' | ');
}

/** Where the word before is an option that takes a value. */
function valueCases({ path, options }: CommandNode): string[] {
  return options.flatMap(({ flags, value }) => {
    if (value === null) return [];
    const pattern = patterns(flags.map((flag) => `${key(path)} ${flag}`));
    return [
      value.choices.length > 0 ? `    ${pattern}) words='${value.choices.join(' ')}' ;;` : `    ${pattern}) return ;;`,
    ];
  });
}

function nodeCase({ path, options, choices, commands }: CommandNode): string {
  const words = [...commands.map((command) => command.path.at(-1)!), ...choices];
  return `        '${key(path)}') options='${options.flatMap(({ flags }) => flags).join(' ')}' words='${words.join(' ')}' ;;`;
}
