/*
 * The switchover of one VM from a source to a destination, with faults. switchover.md tells what stands for what.
 * Each macro that takes a rule away is a test that this model can fail.
 */
#ifndef FAULTS
#define FAULTS 2
#endif

mtype:qemu = { RUNS, RUNS_ON, SUSPENDED, PRE_SWITCHOVER, DEVICE, POSTMIGRATE, PAUSED, INCOMING, LOADED, GONE };
mtype:role = { UNKNOWN, ARRIVING, ACTIVE, REFUSED };

/*
 * RUNS_ON: QEMU let the guest go on by itself, because its migration failed or was cancelled.
 * SUSPENDED: the pilot stopped it for the copy of its memory. QEMU lets such a guest never go on by itself.
 */
mtype:qemu source = RUNS;
#ifdef SUSPEND
#define suspended true
#define COPIED SUSPENDED     /* what it is while its memory is copied */
#else
#define suspended false
#define COPIED RUNS
#endif
bool migrating = true;
bool sourceTap = true;       /* a port of its bridge */
bool strayed;                /* a guest that went on by itself has written to the source's disks after the commit */
bool returned;               /* a later move was built upon the replica that the source's disks became */
bool noReturn;               /* durable: migrate-continue may have been sent */
bool continueSent;           /* migrate-continue lies in the monitor's socket */
bool stream;                 /* the last of the guest is on the path */
bool released;               /* epoch n is over at the source: QEMU ended, its disks a replica */

mtype:qemu destination = INCOMING;
mtype:role record = ARRIVING;
bool acknowledged;
bool removed;                /* a controller has cleared the destination away, and its keeper with it */

bool lightpath = true;
bool routed = true;          /* the network of ssh, of questions and of gateways */
bool helper = true;          /* the turn staged at the gateway; it ends with the controller that staged it */
bool turned;                 /* the gateway admits and serves the destination (epoch n+1), not the source (n) */

/* Who asks whose the VM is: 0 stands at the source (pilot or guardian), 1 is a controller. */
bool asked[2];
mtype:role answer[2] = UNKNOWN;

byte faults = FAULTS;
/* KILLED until whoever takes over (guardian, keeper, next controller) has done its work. */
mtype:life = { ALIVE, KILLED, ENDED, GAVE_UP };
mtype:life sourcePilot = ALIVE;
mtype:life destinationPilot = ALIVE;
mtype:life controller = ALIVE;
bool holderDied;             /* the QEMU that held the VM died, which nothing can mend */

#define sourceRuns (source == RUNS || source == RUNS_ON)
#define destinationRuns (destination == RUNS)
#define sourceConnected (sourceRuns && sourceTap)
#ifdef NO_DIGEST
#define digestsAgree true
#else
#define digestsAgree (!strayed)
#endif

/* Never set: each is asserted where its property is broken, so that spin says which. */
bool oneRunner, cleanReplica, commitIsFinal, refusedNeverRuns, nothingBeforeCommit, someSiteRuns, clientsReachIt;

/* What is done under the record's lock. */
#ifdef NO_LOCK
#define LOCKED
#else
#define LOCKED atomic
#endif

/* The only two changes of the record; both are final. */
inline write(role) {
  atomic {
    if
    :: record != ARRIVING && record != role -> assert(commitIsFinal)
    :: else
    fi;
    record = role
  }
}

/* ---- source ---- */

inline cancelMigration() {
  d_step {
    migrating = false;
    if
    :: (source == PRE_SWITCHOVER || source == DEVICE) && !suspended -> source = RUNS_ON
    :: (source == PRE_SWITCHOVER || source == DEVICE) && suspended -> source = PAUSED
    :: else
    fi
  }
}

inline goOnAtSource() {
  cancelMigration();
  d_step {
    if
#ifdef RELY_ON_QEMU
    :: source != GONE -> sourceTap = true;
      if
      :: source == RUNS_ON -> source = RUNS
      :: else
      fi
#else
    :: source != GONE -> sourceTap = true; source = RUNS
#endif
    :: else
    fi
  }
}

inline stopSource() {
  cancelMigration();
  d_step {
    if
    :: sourceRuns -> source = PAUSED
    :: else
    fi
  }
}

inline release() {
  d_step { source = GONE; migrating = false; released = true }
}

inline forget(who) {
  d_step { asked[who] = false; answer[who] = UNKNOWN }
}

inline ask(who, reachable) {
  do
  :: answer[who] != UNKNOWN -> break
  :: answer[who] == UNKNOWN && !asked[who] && (reachable) -> asked[who] = true
  od
}

/* For a QEMU that is dead nothing is asked: nothing could go on, and the destination may yet commit. */
inline fence() {
  stopSource();
#ifdef NO_FENCE
  goOnAtSource();
#else
  if
  :: source == GONE
  :: source != GONE ->
    ask(0, lightpath || routed);
    if
    :: answer[0] == REFUSED -> goOnAtSource()
    :: answer[0] == ACTIVE -> release()
    fi;
    forget(0)
  fi
#endif
}

/* Silence, a mirror that fails, a controller that is gone: before the point of no return any of them ends the move. */
inline switchOver() {
#ifdef SUSPEND
  if
  :: atomic { source == RUNS -> source = SUSPENDED; sourceTap = false }
  :: true -> goto letGo
  fi;
#endif
  if
  :: source == PRE_SWITCHOVER -> sourceTap = false
  :: true -> goto letGo
  fi;
  if
  :: true
  :: goto letGo
  fi;
#ifdef MARK_AFTER_CONTINUE
  continueSent = true;
  noReturn = true;
#else
  noReturn = true;
  continueSent = true;
#endif
  if
#ifdef RELEASE_ON_COMPLETED
  :: source == POSTMIGRATE -> release()
#else
  :: source == POSTMIGRATE && acknowledged && lightpath -> release()
#endif
  :: fence()
  fi;
  goto ended;
letGo:
  goOnAtSource();
  sourcePilot = GAVE_UP;
  goto landed;
ended:
  sourcePilot = ENDED;
landed:
  skip
}

active proctype SourcePilotThenGuardian() {
  { switchOver() } unless { sourcePilot == KILLED };
  if
  :: sourcePilot != KILLED
  :: sourcePilot == KILLED ->
    forget(0);
    if
    :: released
    :: !released && noReturn -> fence()
    :: !released && !noReturn -> goOnAtSource()
    fi
    sourcePilot = ENDED
  fi
}

/* ---- destination ---- */

inline letRun() {
  d_step {
    if
    :: destination == LOADED -> destination = RUNS
    :: else
    fi
  }
}

inline turn(newer) {
  atomic {
    if
    :: newer -> turned = true; helper = false
    :: !newer ->
#ifdef GATEWAY_ACCEPTS_OLD
      turned = false
#else
      skip
#endif
    fi
  }
}

/* Repeated until the gateway answers; some time patience ends. */
inline turnGateway() {
  do
  :: turned -> break
  :: !turned && routed && helper -> turn(true)
  :: atomic { faults > 0 -> faults-- }    /* a trigger is lost */
  :: break
  od
}

#ifdef BLIND_COMMIT
#define readyToRun true
#else
#define readyToRun (destination == LOADED)
#endif

/* QEMU is looked at under the lock: it may have died while this pilot stood still. */
inline commit() {
  LOCKED {
    if
    :: record == ARRIVING && readyToRun -> write(ACTIVE)
    :: else
    fi
  }
}

inline arrive() {
  destination == LOADED;
#ifdef CONT_BEFORE_RECORD
  letRun();
#undef readyToRun
#define readyToRun destinationRuns
#endif
  commit();
  if
  :: record == ACTIVE -> letRun(); acknowledged = true; turnGateway()
  :: record != ACTIVE
  fi;
  destinationPilot = ENDED
}

active proctype DestinationPilot() {
end:
  { arrive() } unless { destinationPilot == KILLED }
}

/* The word on whose VM it is, for good. A move that was not committed never will be. */
inline verdict() {
  LOCKED {
    if
    :: record == ARRIVING ->
      write(REFUSED);
      if
      :: destination != RUNS -> destination = GONE
      :: else
      fi
    :: record != ARRIVING
    fi
  }
}

inline answerTo(who, reachable) {
  verdict();
  atomic {
    asked[who] = false;
    if
    :: (reachable) -> answer[who] = record
    :: !(reachable)
    :: faults > 0 -> faults--    /* the answer is lost */
#ifdef ANSWERS_LOST_FOR_EVER
    :: true
#endif
    fi
  }
}

inline succeedPilot() {
  verdict();
  if
  :: record == ACTIVE -> letRun(); turnGateway()
  :: record != ACTIVE
  fi;
  destinationPilot = ENDED
}

active proctype Keeper() {
end:
  do
  :: asked[0] && !removed -> answerTo(0, lightpath || routed)
  :: asked[1] -> answerTo(1, routed)
#ifndef KEEPER_ONLY_ANSWERS
  :: destinationPilot == KILLED -> succeedPilot()
#endif
  od
}

/* ---- what happens by itself ---- */

#define pathFails (!lightpath || destination == GONE)

active proctype Hypervisors() {
end:
  do
  :: atomic { migrating && source == COPIED -> source = PRE_SWITCHOVER }
  :: atomic { migrating && source == PRE_SWITCHOVER && continueSent -> source = DEVICE; stream = true }
  :: atomic { migrating && (source == COPIED || source == PRE_SWITCHOVER) && pathFails -> cancelMigration() }
  /* After migrate-continue it may fail for any reason, whether or not everything has arrived. */
  :: atomic { migrating && source == DEVICE -> cancelMigration() }
  :: atomic { migrating && source == DEVICE && !stream && !pathFails -> migrating = false; source = POSTMIGRATE }
  :: atomic { stream && lightpath && destination == INCOMING -> stream = false; destination = LOADED }
  :: atomic { stream && pathFails -> stream = false }
  :: atomic { sourceRuns && record == ACTIVE && !strayed -> strayed = true }
  :: atomic { released && !returned && digestsAgree -> returned = true }
  od
}

active proctype Paths() {
end:
  do
  :: !lightpath -> lightpath = true
  :: !routed -> routed = true
  od
}

/* ---- the controller that began the move, and, if it dies, the next one ---- */

/* Who answers goes last: whoever stands at the source may still ask. */
inline clearAway() {
#ifndef CLEAR_AWAY_EARLY
  sourcePilot == ENDED || sourcePilot == GAVE_UP;
#endif
  removed = true
}

inline settle() {
  if
  :: sourcePilot == GAVE_UP -> goOnAtSource()
  :: sourcePilot == KILLED || sourcePilot == ENDED || controller == KILLED ->
    ask(1, routed);
    if
    :: answer[1] == ACTIVE ->
      letRun();
      if
      :: routed -> turn(true)
      fi
    :: answer[1] == REFUSED -> goOnAtSource(); clearAway()
    fi
  fi;
  forget(1);
  controller = ENDED
}

#ifndef PILOTS_ALONE
active proctype Controllers() {
  { settle() } unless { controller == KILLED };
  if
  :: controller == ENDED
  :: controller == KILLED -> forget(1); settle()
  fi
}
#endif

/* ---- faults: answers and triggers are lost where they are sent ---- */

active proctype Faults() {
end:
  do
  :: atomic { faults > 0 -> faults--;
    if
    :: turn(false)             /* an order of the epoch before, late or repeated; else nothing */
    :: sourcePilot == ALIVE -> sourcePilot = KILLED
    :: destinationPilot == ALIVE -> destinationPilot = KILLED
    :: controller == ALIVE -> controller = KILLED; helper = false
    :: lightpath -> lightpath = false
    :: routed -> routed = false
    :: source != GONE -> d_step { source = GONE; migrating = false; holderDied = (holderDied || record != ACTIVE) }
    :: destination != GONE -> d_step { destination = GONE; holderDied = (holderDied || record == ACTIVE) }
    fi }
  od
}

/* Moves only where a property is broken, or at rest: nothing else can move, and the paths are there again. */
active proctype Observer() {
end:
  if
  :: sourceConnected && destinationRuns -> assert(oneRunner)
  :: returned && strayed -> assert(cleanReplica)
  :: sourceConnected && record == ACTIVE -> assert(commitIsFinal)
  :: destinationRuns && record == REFUSED -> assert(refusedNeverRuns)
  :: (destinationRuns || released || turned) && record != ACTIVE -> assert(nothingBeforeCommit)
  :: timeout ->
    if
    :: holderDied || (source == RUNS && sourceTap) || destinationRuns
    :: else -> assert(someSiteRuns)
    fi;
#ifndef PILOTS_ALONE
    if
    :: holderDied || (source == RUNS && sourceTap && !turned) || (destinationRuns && turned)
    :: else -> assert(clientsReachIt)
    fi
#endif
  fi
}
