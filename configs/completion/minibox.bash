# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What bash completes of minibox: printed by `minibox completion bash`.

# _minibox_value WORD VALUES...: what WORD may become. FILE and DIR stand for paths, LIST for words joined by commas.
_minibox_value() {
    local word=$1 head='' value choices=()
    shift
    for value; do
        case $value in
        FILE) compopt -o default ;; # readline's own, where no word fits
        DIR) compopt -o plusdirs ;;
        LIST) head=${word%"${word##*,}"} ;;
        *=) [[ $word == *=* ]] || choices+=("$value") && compopt -o nospace ;;
        *) choices+=("$value") ;;
        esac
    done
    mapfile -t COMPREPLY < <(compgen -P "$head" -W "${choices[*]}" -- "${word#"$head"}")
}

_minibox() {
    # What may follow a subcommand; and the values of an option, with "=" before them if the next word is one.
    local -A commands=(
@commands@
    ) options=(
@options@
    )
    # COMP_WORDS are cut at "=" and ":", too: words as the shell takes them, and which of COMP_WORDS they begin with.
    local line=$COMP_LINE words=() begins=() i word values ended=''
    for ((i = 0; i <= COMP_CWORD; i++)); do
        case $line in
        "$COMP_LINE" | [[:blank:]]*) words+=("${COMP_WORDS[i]}") begins+=("$i") ;;
        *) words[-1]+=${COMP_WORDS[i]} ;;
        esac
        line=${line#*"${COMP_WORDS[i]}"}
    done
    local last=$((${#words[@]} - 1)) current=${words[-1]}
    COMPREPLY=()
    if ((last < 2)); then
        _minibox_value "$current" "${!commands[@]}"
        return
    elif [[ ${words[1]} != run ]]; then
        # shellcheck disable=SC2086 # a list, here and below
        _minibox_value "$current" ${commands[${words[1]}]-}
        return
    fi
    # The options end at the first word that is not an option. Of joined letters the first that takes a value is the last.
    for ((i = 2; i < last; i++)); do
        word=${words[i]}
        [[ $word == -?* && -z $ended ]] || break
        [[ $word != -- ]] || ended=yes
        while [[ $word == -[!-]?* && ${options[${word:0:2}]-} != =* ]]; do word=-${word:2}; done
        values=${options[$word]-}
        # shellcheck disable=SC2086
        [[ $values != =* ]] || ((++i != last)) || _minibox_value "$current" ${values#=}
    done
    if ((i == last)) && [[ $current == --*=* && -z $ended ]]; then
        values=${options[${current%%=*}]-}
        # shellcheck disable=SC2086
        _minibox_value "${current#*=}" ${values#=}
        # Where COMP_WORDBREAKS is without "=", the whole word is replaced.
        [[ ${COMP_WORDS[COMP_CWORD]} != "$current" ]] || COMPREPLY=("${COMPREPLY[@]/#/${current%%=*}=}")
    elif ((i == last)) && [[ $current == -* && -z $ended ]]; then
        _minibox_value "$current" "${!options[@]}"
    elif ((i <= last)) && declare -F _command_offset >/dev/null; then
        _command_offset "${begins[i]}" # bash-completion's
    elif ((i == last)); then
        compopt -o default
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
    elif ((i < last)); then
        compopt -o default
    fi
}
complete -F _minibox minibox
