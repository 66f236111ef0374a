-- What the sweep looks for: only what is promised and may die, which is little.
create index stock_reservation_by_deadline on stock_reservation (deadline_ms)
    where open > 0 and deadline_ms > 0;
