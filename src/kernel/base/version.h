/*
 * version.h - what this build calls itself, everywhere.
 */
#ifndef GREVY_BASE_VERSION_H
#define GREVY_BASE_VERSION_H

#define GREVY_VERSION "0.1.0"

#endif
