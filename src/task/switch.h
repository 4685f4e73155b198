#ifndef WEFT_SRC_TASK_SWITCH_H
#define WEFT_SRC_TASK_SWITCH_H
/* The context switch: three words. The compiler saves the registers that are live across the call. */
typedef struct weft__context { void *sp, *fp, *pc; } weft__context;

/* Leave the running context in *from and go on in *to; returns when something switches back to *from. */
void weft__switch(weft__context *from, const weft__context *to);

/* A context that begins `entry` on the stack that ends (exclusively) at `top`; entry must never return. */
void weft__context_make(weft__context *c, void *top, void (*entry)(void));
#endif
