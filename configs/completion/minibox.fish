# SPDX-License-Identifier: Apache-2.0
# What fish completes of minibox: printed by `minibox completion fish`.

# The words of the command in the box; fails where there is none yet.
function __minibox_box_command
    set -l words (commandline -opc) (commandline -ct)
    test "$words[2]" = run
    and argparse -s $__minibox_options -- $words[3..] 2>/dev/null
    and set -q argv[1]
    and not string match -q -- '-*' $argv[1]
    and printf '%s\0' $argv
end

# Whether an option may stand here: before the first word of that command is complete.
function __minibox_takes_option
    set -l words (commandline -opc)
    test "$words[2]" = run
    and begin
        argparse -s $__minibox_options -- $words[3..] 2>/dev/null
        or return 0 # the last one lacks its value: it is what is being completed
        not set -q argv[1]
        and not contains -- -- $words[3..]
    end
end

# __minibox_value VALUES...: DIR stands for directories, LIST for words joined by commas. FILE is fish's own business.
function __minibox_value
    set -l choices (string match -v -r '^(FILE|DIR|LIST)$' -- $argv)
    set -l head ''
    contains LIST $argv
    and set head (commandline -ct | string replace -r '^--[^=]*=' '' | string replace -r '[^,]*$' '')
    string replace -r '^' -- "$head" $choices
    contains DIR $argv
    and __fish_complete_directories (commandline -ct | string replace -r '^--[^=]*=' '') ''
end

# __minibox_option LETTER NAME VALUE ABOUT VALUES...: VALUE is = or =? as in argparse.
function __minibox_option
    set -l row -c minibox -n __minibox_takes_option -l $argv[2] -d $argv[4]
    set -l value $argv[3]
    if test -n "$argv[1]"
        set -a row -s $argv[1]
        test "$value" = = # a value that may be left out has no place after a letter
        and set -ga __minibox_options $argv[1]=
        or set -ga __minibox_options $argv[1]
    end
    set -ga __minibox_options $argv[2]$value
    test "$value" = =
    and set -a row -r
    contains FILE $argv[5..]
    and set -a row -F
    or set -a row -f
    complete $row -a "(__minibox_value $argv[5..])"
end

# __minibox_command NAME ABOUT VALUES
function __minibox_command
    complete -c minibox -n 'test (count (commandline -opc)) -eq 1' -a $argv[1] -d $argv[2]
    set -l row -c minibox -n "set -l words (commandline -opc); and test \"\$words[2]\" = $argv[1]"
    contains FILE $argv[3..]
    and set -a row -F
    complete $row -a "(__minibox_value $argv[3..])"
end

complete -c minibox -e
complete -c minibox -f
complete -c minibox -n __minibox_box_command -a '(__fish_complete_subcommand --commandline (__minibox_box_command | string split0))'
set -g __minibox_options
@commands@
@options@
