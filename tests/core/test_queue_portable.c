/* The queue as it is where there are no futexes.  What is included here goes before the library's own. */
#define SRV_PORTABLE_EVENT
#include "../../ext/core/base/event.c"
#include "../../ext/core/queue/lanes.c"
#include "../../ext/core/queue_batch.c"
#include "test_queue_batch.c"
