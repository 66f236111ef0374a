/*
 * kernel.h - everything a module may use, and the only header of the kernel it includes.
 *
 * A module never sees a socket, a thread, a connection or malloc.  It gets a struct cx, works on
 * rows, puts events, and returns an enum err; see docs/add-a-module.md.
 */
#ifndef GREVY_KERNEL_H
#define GREVY_KERNEL_H

#include "kernel/count/count.h"
#include "kernel/document/document.h"
#include "kernel/effect/secret.h"
#include "kernel/work/cache.h"
#include "kernel/work/work.h"

#endif
