#compdef minibox
# SPDX-License-Identifier: Apache-2.0
# What zsh completes of minibox: printed by `minibox completion zsh`.

# _minibox_value VALUES...: FILE and DIR stand for paths, LIST for words joined by commas.
_minibox_value() {
    local -a choices=(${argv:#(FILE|DIR|LIST)})
    local ret=1
    if (( $argv[(Ie)LIST] )); then
        compset -P '*,'
        compadd -q -S , -a choices && ret=0
    elif [[ $choices == *= ]]; then
        compset -P '*=' || { compadd -S '' -a choices && return }
    else
        compadd -a choices && ret=0
    fi
    (( $argv[(Ie)DIR] )) && _path_files -/ && ret=0
    (( $argv[(Ie)FILE] )) && { compset -P '*:'; _files && ret=0 }
    return ret
}

_minibox() {
    local curcontext=$curcontext
    # The values follow the text.
    local -a subcommands=(
@commands@
    ) specs=(
@options@
    )
    if (( CURRENT > 2 )) && [[ $words[2] == run ]]; then
        shift words
        (( CURRENT-- ))
        _arguments -s -S -A '-*' : $specs '(-)1:command: _command_names -e' '*::argument: _normal'
        return
    fi
    local -a described
    local text values
    for text values in "${subcommands[@]}"; do
        described+=("$text")
        (( CURRENT > 2 )) && [[ $words[2] == ${text%%:*} ]] && _minibox_value ${=values} && return
    done
    (( CURRENT == 2 )) && _describe command described
}

if [[ $funcstack[1] == _minibox ]]; then
    _minibox "$@" # loaded by compinit, upon the first completion
else
    compdef _minibox minibox
fi
