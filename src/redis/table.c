/* Commands that are not like the most of them, whose first argument is a key and which answer at once. */
#include <string.h>
#include <strings.h>
#include "redis/inside.h"

static const char SUBSCRIBE[] = "call weft_redis_subscribe", ATOMIC[] = "call weft_redis_atomic", URL[] = "say it in the URL", HERE[] = "weft does that by itself",
    SESSION[] = "it needs a WEFT_REDIS_SESSION", SHARED[] = "others use the connection too";

/* In the order of their names. */
static const weft__rknown table[] = {
    { "ACL", 0, WEFT__RKEY_NONE, 0 },
    { "ASKING", WEFT__RC_NEVER, WEFT__RKEY_NONE, HERE },
    { "AUTH", WEFT__RC_NEVER, WEFT__RKEY_NONE, URL },
    { "BGREWRITEAOF", 0, WEFT__RKEY_NONE, 0 },
    { "BGSAVE", 0, WEFT__RKEY_NONE, 0 },
    { "BITOP", 0, WEFT__RKEY_SECOND, 0 },
    { "BLMOVE", WEFT__RC_BLOCKS, WEFT__RKEY_FIRST, 0 },
    { "BLMPOP", WEFT__RC_BLOCKS | WEFT__RC_BLOCK_FIRST, WEFT__RKEY_COUNTED_LATE, 0 },
    { "BLPOP", WEFT__RC_BLOCKS, WEFT__RKEY_FIRST, 0 },
    { "BRPOP", WEFT__RC_BLOCKS, WEFT__RKEY_FIRST, 0 },
    { "BRPOPLPUSH", WEFT__RC_BLOCKS, WEFT__RKEY_FIRST, 0 },
    { "BZMPOP", WEFT__RC_BLOCKS | WEFT__RC_BLOCK_FIRST, WEFT__RKEY_COUNTED_LATE, 0 },
    { "BZPOPMAX", WEFT__RC_BLOCKS, WEFT__RKEY_FIRST, 0 },
    { "BZPOPMIN", WEFT__RC_BLOCKS, WEFT__RKEY_FIRST, 0 },
    { "CLIENT", WEFT__RC_SECOND, WEFT__RKEY_NONE, SHARED },
    { "CLUSTER", 0, WEFT__RKEY_NONE, 0 },
    { "COMMAND", 0, WEFT__RKEY_NONE, 0 },
    { "CONFIG", 0, WEFT__RKEY_NONE, 0 },
    { "DBSIZE", 0, WEFT__RKEY_NONE, 0 },
    { "DEBUG", 0, WEFT__RKEY_NONE, 0 },
    { "DISCARD", WEFT__RC_NEVER, WEFT__RKEY_NONE, ATOMIC },
    { "ECHO", 0, WEFT__RKEY_NONE, 0 },
    { "EVAL", WEFT__RC_EVAL, WEFT__RKEY_COUNTED_LATE, 0 },
    { "EVALSHA", 0, WEFT__RKEY_COUNTED_LATE, 0 },
    { "EVALSHA_RO", 0, WEFT__RKEY_COUNTED_LATE, 0 },
    { "EVAL_RO", WEFT__RC_EVAL, WEFT__RKEY_COUNTED_LATE, 0 },
    { "EXEC", WEFT__RC_NEVER, WEFT__RKEY_NONE, ATOMIC },
    { "FAILOVER", 0, WEFT__RKEY_NONE, 0 },
    { "FCALL", 0, WEFT__RKEY_COUNTED_LATE, 0 },
    { "FCALL_RO", 0, WEFT__RKEY_COUNTED_LATE, 0 },
    { "FLUSHALL", 0, WEFT__RKEY_NONE, 0 },
    { "FLUSHDB", 0, WEFT__RKEY_NONE, 0 },
    { "FUNCTION", 0, WEFT__RKEY_NONE, 0 },
    { "HELLO", WEFT__RC_NEVER, WEFT__RKEY_NONE, HERE },
    { "INFO", 0, WEFT__RKEY_NONE, 0 },
    { "KEYS", 0, WEFT__RKEY_NONE, 0 },
    { "LASTSAVE", 0, WEFT__RKEY_NONE, 0 },
    { "LATENCY", 0, WEFT__RKEY_NONE, 0 },
    { "LMPOP", 0, WEFT__RKEY_COUNTED, 0 },
    { "LOLWUT", 0, WEFT__RKEY_NONE, 0 },
    { "MEMORY", 0, WEFT__RKEY_SECOND, 0 },
    { "MODULE", 0, WEFT__RKEY_NONE, 0 },
    { "MONITOR", WEFT__RC_NEVER, WEFT__RKEY_NONE, SHARED },
    { "MULTI", WEFT__RC_NEVER, WEFT__RKEY_NONE, ATOMIC },
    { "OBJECT", 0, WEFT__RKEY_SECOND, 0 },
    { "PING", 0, WEFT__RKEY_NONE, 0 },
    { "PSUBSCRIBE", WEFT__RC_NEVER, WEFT__RKEY_NONE, SUBSCRIBE },
    { "PSYNC", WEFT__RC_NEVER, WEFT__RKEY_NONE, SHARED },
    { "PUBLISH", 0, WEFT__RKEY_NONE, 0 },
    { "PUBSUB", 0, WEFT__RKEY_NONE, 0 },
    { "PUNSUBSCRIBE", WEFT__RC_NEVER, WEFT__RKEY_NONE, SUBSCRIBE },
    { "QUIT", WEFT__RC_NEVER, WEFT__RKEY_NONE, "call weft_redis_close" },
    { "RANDOMKEY", 0, WEFT__RKEY_NONE, 0 },
    { "READONLY", WEFT__RC_NEVER, WEFT__RKEY_NONE, SHARED },
    { "READWRITE", WEFT__RC_NEVER, WEFT__RKEY_NONE, SHARED },
    { "REPLICAOF", 0, WEFT__RKEY_NONE, 0 },
    { "RESET", WEFT__RC_NEVER, WEFT__RKEY_NONE, SHARED },
    { "ROLE", 0, WEFT__RKEY_NONE, 0 },
    { "SAVE", 0, WEFT__RKEY_NONE, 0 },
    { "SCAN", 0, WEFT__RKEY_NONE, 0 },
    { "SCRIPT", WEFT__RC_SECOND, WEFT__RKEY_NONE, SHARED },
    { "SELECT", WEFT__RC_NEVER, WEFT__RKEY_NONE, URL },
    { "SHUTDOWN", 0, WEFT__RKEY_NONE, 0 },
    { "SINTERCARD", 0, WEFT__RKEY_COUNTED, 0 },
    { "SLAVEOF", 0, WEFT__RKEY_NONE, 0 },
    { "SLOWLOG", 0, WEFT__RKEY_NONE, 0 },
    { "SSUBSCRIBE", WEFT__RC_NEVER, WEFT__RKEY_NONE, SUBSCRIBE },
    { "SUBSCRIBE", WEFT__RC_NEVER, WEFT__RKEY_NONE, SUBSCRIBE },
    { "SUNSUBSCRIBE", WEFT__RC_NEVER, WEFT__RKEY_NONE, SUBSCRIBE },
    { "SWAPDB", 0, WEFT__RKEY_NONE, 0 },
    { "SYNC", WEFT__RC_NEVER, WEFT__RKEY_NONE, SHARED },
    { "TIME", 0, WEFT__RKEY_NONE, 0 },
    { "UNSUBSCRIBE", WEFT__RC_NEVER, WEFT__RKEY_NONE, SUBSCRIBE },
    { "UNWATCH", WEFT__RC_SESSION, WEFT__RKEY_NONE, SESSION },
    { "WAIT", WEFT__RC_SESSION | WEFT__RC_BLOCKS | WEFT__RC_BLOCK_MS, WEFT__RKEY_NONE, SESSION },
    { "WAITAOF", WEFT__RC_SESSION | WEFT__RC_BLOCKS | WEFT__RC_BLOCK_MS, WEFT__RKEY_NONE, SESSION },
    { "WATCH", WEFT__RC_SESSION, WEFT__RKEY_FIRST, SESSION },
    { "XGROUP", 0, WEFT__RKEY_SECOND, 0 },
    { "XINFO", 0, WEFT__RKEY_SECOND, 0 },
    { "XREAD", WEFT__RC_MAY_BLOCK, WEFT__RKEY_STREAMS, 0 },
    { "XREADGROUP", WEFT__RC_MAY_BLOCK, WEFT__RKEY_STREAMS, 0 },
    { "ZDIFF", 0, WEFT__RKEY_COUNTED, 0 },
    { "ZINTER", 0, WEFT__RKEY_COUNTED, 0 },
    { "ZINTERCARD", 0, WEFT__RKEY_COUNTED, 0 },
    { "ZMPOP", 0, WEFT__RKEY_COUNTED, 0 },
    { "ZUNION", 0, WEFT__RKEY_COUNTED, 0 },
};

static int compare(weft_str name, const char *known)
{
    int order = strncasecmp(name.ptr, known, name.len);
    return order ? order : known[name.len] ? -1 : 0;
}

const weft__rknown *weft__rknown_of(weft_str name)
{
    static const weft__rknown usual = { "", 0, WEFT__RKEY_FIRST, 0 };
    size_t low = 0, high = weft_count(table);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare(name, table[middle].name);
        if (order == 0) return &table[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return &usual;
}

const char *weft__rknown_second(const weft__rknown *known, weft_str second)
{
    static const char *const changing[] = { "REPLY", "TRACKING", "CACHING", "NO-EVICT", "NO-TOUCH", "DEBUG" };
    for (size_t i = 0; i < weft_count(changing); i++)
        if (compare(second, changing[i]) == 0) return known->instead;
    return NULL;
}
