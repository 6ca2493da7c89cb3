/* `launcher enter`: a command on a node or in a container, at the caller's terminal. */
#ifndef ENTER_H
#define ENTER_H

int enter_main(int argc, char **argv);

#endif
