//! Drover is killed by SIGKILL and started again: at twenty chosen instants in every test run, and at hundreds of
//! drawn ones in `make faults`.

mod draw;
mod ordered;
mod random;
mod tally;
