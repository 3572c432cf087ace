import type { Command, Option } from 'commander';

/** A command as its completion shows it. */
export interface CommandNode {
  /** The words that lead to it, without the program's name: empty for the program itself. */
  readonly path: readonly string[];
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** What its first argument may be; empty where nobody can tell. */
  readonly choices: readonly string[];
  readonly commands: readonly CommandNode[];
}

export interface CompletedOption {
  /** Long, and short where it has both. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Null: it takes none. */
  readonly value: { readonly name: string; readonly choices: readonly string[] } | null;
}

/** The command and all below it, as its `--help` shows them. */
export function commandTree(command: Command, path: readonly string[] = []): CommandNode {
  const help = command.createHelp();
  return {
    path,
    description: command.description(),
    options: help.visibleOptions(command).map(completedOption),
    choices: command.registeredArguments[0]?.argChoices ?? [],
    commands: help.visibleCommands(command).map((child) => commandTree(child, [...path, child.name()])),
  };
}

function completedOption({ long, short, description, required, optional, argChoices, flags }: Option): CompletedOption {
  const name = /[<[](.*)[>\]]/.exec(flags)?.[1] ?? 'value';
  return {
    flags: [long, short].filter((flag) => flag != null),
    description,
    value: required || optional ? { name, choices: argChoices ?? [] } : null,
  };
}

/** The command and all below it, in one list. */
export function allNodes(node: CommandNode): readonly CommandNode[] {
  return [node, ...node.commands.flatMap(allNodes)];
}
