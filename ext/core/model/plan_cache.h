/* Plans that were found before on this CPU, kept in a folder, so that a model loads as quickly as its file is read.
 *
 * One small text file per shape, written whole and renamed into place: any number of processes may share the folder.
 * Its name and first line say for which CPU, OpenBLAS and kernel it holds; a file that is not exactly as written here is
 * passed over, and the plan is found again.
 */
#ifndef SRV_MODEL_PLAN_CACHE_H
#define SRV_MODEL_PLAN_CACHE_H

#include "plan.h"

/* Fills the plan of the shape in plan->depth and plan->columns; false if the folder (may be NULL) has none. */
bool srv_plan_cache_read(const char *folder, srv_plan *plan);

/* Best effort: a folder that can't be written is no fault.  The folder is made if its parent is there. */
void srv_plan_cache_write(const char *folder, const srv_plan *plan);

#endif
