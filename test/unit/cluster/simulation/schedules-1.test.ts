// A quarter of the random schedules, so that they run side by side.
import { testSchedules } from './run-schedules.ts';

testSchedules(1);
