/* Rows shared out among threads, each of which takes a row of whole blocks. */
#pragma once

#include <pthread.h>

#include "products.h"

#define MOST_THREADS 64

/* Does the rows from `from` to `to`; 0, or -1 where memory ran out. */
typedef int (*Work)(const void *call, int64_t from, int64_t to);

typedef struct {
    Work work;
    const void *call;
    int64_t from, to;
    int result;
} Portion;

static void *do_portion(void *given) {
    Portion *mine = given;
    mine->result = mine->work(mine->call, mine->from, mine->to);
    return NULL;
}

/* What a thread that can't be started would have done, the caller does. */
static int share_out(Work work, const void *call, int64_t rows, int64_t block, int64_t threads) {
    Portion portions[MOST_THREADS];
    pthread_t started[MOST_THREADS];
    int there[MOST_THREADS], result = 0;
    int64_t blocks = up_to(rows, block) / block;
    threads = least(least(threads, MOST_THREADS), blocks);
    for (int64_t i = 0; i < threads; i++) {
        int64_t from = blocks * i / threads * block, to = blocks * (i + 1) / threads * block;
        portions[i] = (Portion){work, call, from, least(to, rows), 0};
        there[i] = i && !pthread_create(started + i, NULL, do_portion, portions + i);
    }
    for (int64_t i = 0; i < threads; i++)
        if (!there[i]) do_portion(portions + i);
    for (int64_t i = 0; i < threads; i++) {
        if (there[i]) pthread_join(started[i], NULL);
        result |= portions[i].result;
    }
    return result;
}
