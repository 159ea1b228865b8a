"""The sub-commands of the command line, one file each: its ``run`` takes the arguments after the command's name."""
