-- The database of TovPlay, an invented club where people find someone to play with.
-- It is made by its owner; every name is quoted and of mixed case, as object-relational mappers write them.

CREATE TYPE "UserRole" AS ENUM ('player', 'moderator', 'administrator');
CREATE TYPE "RequestStatus" AS ENUM ('pending', 'accepted', 'declined', 'withdrawn');

CREATE FUNCTION "touchUpdatedAt"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW."updated_at" := clock_timestamp();
    RETURN NEW;
END
$$;

CREATE TABLE "User" (
    "id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "username" varchar(40) NOT NULL,
    "email" varchar(254) NOT NULL UNIQUE,
    "password_hash" text NOT NULL,
    "role" "UserRole" NOT NULL DEFAULT 'player',
    "timezone" text NOT NULL DEFAULT 'Asia/Jerusalem',
    "is_active" boolean NOT NULL DEFAULT true,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "updated_at" timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX "User_username_once" ON "User" (lower("username"));
CREATE TRIGGER "User_touch" BEFORE UPDATE ON "User" FOR EACH ROW EXECUTE FUNCTION "touchUpdatedAt"();

CREATE TABLE "UserProfile" (
    "id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "user_id" uuid NOT NULL UNIQUE REFERENCES "User" ("id") ON DELETE CASCADE,
    "bio" text NOT NULL DEFAULT '',
    "languages" text[] NOT NULL DEFAULT '{}',
    "preferences" jsonb NOT NULL DEFAULT '{}',
    "created_at" timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE "Game" (
    "id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "name" varchar(80) NOT NULL UNIQUE,
    "genre" text NOT NULL,
    "site_url" text,
    "icon" bytea NOT NULL,
    "price" numeric(8, 2) NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE "UserAvailability" (
    "id" serial PRIMARY KEY,
    "user_id" uuid NOT NULL REFERENCES "User" ("id") ON DELETE CASCADE,
    "day_of_week" smallint NOT NULL CHECK ("day_of_week" BETWEEN 0 AND 6),
    "slot_start" time NOT NULL,
    "slot_end" time NOT NULL,
    "is_recurring" boolean NOT NULL DEFAULT true,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT "slot_has_a_length" CHECK ("slot_start" < "slot_end")
);
CREATE INDEX "UserAvailability_user" ON "UserAvailability" ("user_id");

CREATE TABLE "GameRequest" (
    "id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "sender_user_id" uuid NOT NULL REFERENCES "User" ("id"),
    "recipient_user_id" uuid NOT NULL REFERENCES "User" ("id"),
    "game_id" uuid NOT NULL REFERENCES "Game" ("id"),
    "suggested_date" date NOT NULL,
    "suggested_time" time NOT NULL,
    "message" text NOT NULL DEFAULT '',
    "status" "RequestStatus" NOT NULL DEFAULT 'pending',
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT "nobody_invites_themselves" CHECK ("sender_user_id" <> "recipient_user_id")
);
CREATE INDEX "GameRequest_recipient" ON "GameRequest" ("recipient_user_id") WHERE "status" = 'pending';
CREATE TRIGGER "GameRequest_touch" BEFORE UPDATE ON "GameRequest" FOR EACH ROW EXECUTE FUNCTION "touchUpdatedAt"();

CREATE TABLE "ScheduledSession" (
    "id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "game_id" uuid NOT NULL REFERENCES "Game" ("id"),
    "organizer_user_id" uuid NOT NULL REFERENCES "User" ("id"),
    "second_player_id" uuid NOT NULL REFERENCES "User" ("id"),
    "scheduled_date" date NOT NULL,
    "start_time" time NOT NULL,
    "end_time" time NOT NULL,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT "session_has_two_players" CHECK ("organizer_user_id" <> "second_player_id")
);

CREATE TABLE "UserGamePreference" (
    "id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "user_id" uuid NOT NULL REFERENCES "User" ("id") ON DELETE CASCADE,
    "game_id" uuid NOT NULL REFERENCES "Game" ("id") ON DELETE CASCADE,
    "skill" smallint NOT NULL CHECK ("skill" BETWEEN 1 AND 5),
    "created_at" timestamptz NOT NULL DEFAULT now(),
    UNIQUE ("user_id", "game_id")
);

CREATE TABLE "UserFriends" (
    "id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "user_id" uuid NOT NULL REFERENCES "User" ("id") ON DELETE CASCADE,
    "friend_id" uuid NOT NULL REFERENCES "User" ("id") ON DELETE CASCADE,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    UNIQUE ("user_id", "friend_id")
);

-- The one table that grows without end, so the partitioned one: a quarter each, and a default for stray dates.
CREATE TABLE "UserNotifications" (
    "id" uuid NOT NULL DEFAULT gen_random_uuid(),
    "user_id" uuid NOT NULL REFERENCES "User" ("id") ON DELETE CASCADE,
    "title" text NOT NULL,
    "is_read" boolean NOT NULL DEFAULT false,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY ("id", "created_at")
) PARTITION BY RANGE ("created_at");
CREATE TABLE "UserNotifications_2026q1" PARTITION OF "UserNotifications"
    FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2026-04-01 00:00+00');
CREATE TABLE "UserNotifications_2026q2" PARTITION OF "UserNotifications"
    FOR VALUES FROM ('2026-04-01 00:00+00') TO ('2026-07-01 00:00+00');
CREATE TABLE "UserNotifications_2026q3" PARTITION OF "UserNotifications"
    FOR VALUES FROM ('2026-07-01 00:00+00') TO ('2026-10-01 00:00+00');
CREATE TABLE "UserNotifications_other" PARTITION OF "UserNotifications" DEFAULT;

CREATE TABLE "UserSession" (
    "id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "user_id" uuid NOT NULL REFERENCES "User" ("id") ON DELETE CASCADE,
    "token_hash" text NOT NULL UNIQUE,
    "expires_at" timestamptz NOT NULL,
    "created_at" timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE "EmailVerification" (
    "id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "user_id" uuid NOT NULL REFERENCES "User" ("id") ON DELETE CASCADE,
    "code_hash" text NOT NULL,
    "expires_at" timestamptz NOT NULL,
    "created_at" timestamptz NOT NULL DEFAULT now()
);

CREATE VIEW "SessionCalendar" AS
SELECT s."scheduled_date", s."start_time", s."end_time", g."name" AS "game",
       o."username" AS "organizer", p."username" AS "second_player"
FROM "ScheduledSession" AS s
JOIN "Game" AS g ON g."id" = s."game_id"
JOIN "User" AS o ON o."id" = s."organizer_user_id"
JOIN "User" AS p ON p."id" = s."second_player_id";

CREATE FUNCTION "openRequests"("of_user" uuid) RETURNS bigint LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT count(*) FROM "GameRequest" WHERE "recipient_user_id" = "of_user" AND "status" = 'pending'
$$;

COMMENT ON TABLE "GameRequest" IS 'One person invites another to a game.';
COMMENT ON FUNCTION "openRequests"(uuid) IS 'Invitations that this person has not answered.';
