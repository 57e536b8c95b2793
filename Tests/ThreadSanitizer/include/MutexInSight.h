// Nothing to call: see MutexInSight.c.
