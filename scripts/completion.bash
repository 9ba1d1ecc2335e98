# Completion of s3-ingestor for bash; the options are what --help says.
# shellcheck shell=bash

_s3_ingestor() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local words=

	case $previous in
	-a | --action) words="auto startup heartbeat wakeup upload" ;;
	-C | --home)
		mapfile -t COMPREPLY < <(compgen -d -- "$current")
		return
		;;
	-p | --prefix | --wait | --splay) return ;;
	*) words=$("${COMP_WORDS[0]}" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]+') ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _s3_ingestor s3-ingestor
