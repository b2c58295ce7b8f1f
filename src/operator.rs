//! Starts the parts of the operator in order and ends them in order: fleet, controllers, admin server.
