import type { Command } from './command.js';
import { EXIT } from './exit-code.js';

const SHELLS = ['bash', 'zsh'] as const;
type Shell = (typeof SHELLS)[number];

export const completionCommand: Command<{ shell: Shell }> = {
  usage: 'completion <shell>',
  summary: 'print the completion script of a shell',
  about: 'The script asks rib2fib itself, and so knows every command, option and choice.',
  examples: [
    ['completion bash > /etc/bash_completion.d/rib2fib', 'for every bash from now on'],
    ['completion zsh > /usr/local/share/zsh/site-functions/_rib2fib', 'for zsh'],
  ],
  options: (parser) =>
    parser.positional('shell', { choices: SHELLS, demandOption: true, describe: 'which shell' }),
  async run({ shell }, { output }) {
    output.print(shell === 'bash' ? BASH : ZSH);
    return EXIT.done;
  },
};

const BASH = `# bash completion of rib2fib
_rib2fib() {
  local word=\${COMP_WORDS[COMP_CWORD]}
  case \${COMP_WORDS[COMP_CWORD-1]} in
    -c|--config|--socket) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
  esac
  local words
  words=$(rib2fib --get-yargs-completions "\${COMP_WORDS[@]}" 2>/dev/null)
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o bashdefault -F _rib2fib rib2fib`;

const ZSH = `#compdef rib2fib
_rib2fib() {
  case \${words[CURRENT-1]} in
    -c|--config|--socket) _files; return ;;
  esac
  local -a replies
  replies=("\${(@f)$(SHELL=zsh rib2fib --get-yargs-completions "\${words[@]}" 2>/dev/null)}")
  _describe 'rib2fib' replies
}
if [[ \${zsh_eval_context[-1]} == loadautofunc ]]; then
  _rib2fib "$@"
else
  compdef _rib2fib rib2fib
fi`;
