ALTER TABLE customer ADD PRIMARY KEY (id), ADD UNIQUE (key), ADD UNIQUE (email);
ALTER TABLE orders ADD PRIMARY KEY (id), ADD FOREIGN KEY (customer_id) REFERENCES customer;
CREATE INDEX orders_of_customer ON orders (customer_id);
CREATE INDEX orders_by_time ON orders (placed_at);
ALTER TABLE order_line ADD PRIMARY KEY (order_id, position), ADD FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE event ADD PRIMARY KEY (id);
CREATE INDEX event_by_time ON event (at);
ALTER TABLE document ADD PRIMARY KEY (id);
ALTER TABLE photo ADD PRIMARY KEY (id), ADD FOREIGN KEY (customer_id) REFERENCES customer;
