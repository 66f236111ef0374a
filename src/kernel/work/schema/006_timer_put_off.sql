-- What failed is found by when it was due at first, to cancel it; of the others nothing is kept.
create index kernel_timer_put_off on kernel_timer (name, key) where due_ms <> set_ms;
