/* The daemon's log files, as eKuiper lays them out: log/stream.<time>.log, and log/stream.log as a link to the current one. */
#ifndef SL_CORE_LOGFILE_H
#define SL_CORE_LOGFILE_H
#include "core/settings.h"
#include "os/loop.h"
/* Opens the log as the settings say (levels, targets, zone of the times). What cannot be written is said on stderr; the daemon goes on. */
void sl_logfile_open(const char *home, const sl_settings *s);
/* Looks every 10 s whether it is time for another file: basic.rotateSize, rotateTime; old ones go by rotateCount or maxAge. */
void sl_logfile_keep(sl_loop *l);
/* Levels, targets or the zone were changed. */
void sl_logfile_changed(const sl_settings *s);
void sl_logfile_close(void);
#endif
