#define REAL float
#define RUN srv__run_steps_float
#include "run_steps.h"
