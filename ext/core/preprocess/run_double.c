#define REAL double
#define RUN srv__run_steps_double
#include "run_steps.h"
