/* Events as they are where there are no futexes.  What is included here goes before the library's own. */
#define SRV_PORTABLE_EVENT
#include "../../ext/core/base/event.c"
#include "test_event.c"
