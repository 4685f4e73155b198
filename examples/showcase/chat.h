/* The chat: an echo, rooms, and their pages. */
#ifndef SHOWCASE_CHAT_H
#define SHOWCASE_CHAT_H
#include "weft.h"

extern const weft_router chat;
#endif
