package devserver

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	persistencesql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	// schemaOwner is the row of the schema version table that marks a database
	// file as ours.
	schemaOwner   = "latchkey-devserver"
	schemaVersion = sqliteschema.Version + "/" + sqliteschema.VisibilityVersion
	// retention is how long closed workflows stay readable.
	retention = 7 * 24 * time.Hour
)

// openedFiles counts the database files that this process has opened.
var openedFiles atomic.Int64

// openDatabase makes or reopens the SQLite store with its tables, and makes the
// namespace, with the search attributes, where there is none.
func openDatabase(options Options) (*config.SQL, error) {
	store := memoryConfig()
	if options.DatabaseFile != "" { // Temporal itself makes the tables of a store in memory
		var err error
		if store, err = fileConfig(options.DatabaseFile); err != nil {
			return nil, err
		}
		if err := withAdmin(store, ensureTables); err != nil {
			return nil, fmt.Errorf("open database file %s: %w", options.DatabaseFile, err)
		}
	}
	namespace, err := sqliteschema.NewNamespaceConfig(clusterName, options.Namespace, false, options.SearchAttributes)
	if err != nil {
		return nil, fmt.Errorf("describe namespace %s: %w", options.Namespace, err)
	}
	namespace.Detail.Config.Retention = durationpb.New(retention)
	if err := sqliteschema.CreateNamespaces(store, namespace); err != nil {
		return nil, fmt.Errorf("create namespace %s: %w", options.Namespace, err)
	}
	return store, nil
}

func memoryConfig() *config.SQL {
	return &config.SQL{
		PluginName:        sqlite.PluginName,
		DatabaseName:      "latchkey-" + uuid.NewString(),
		ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
	}
}

// fileConfig opens with a write-ahead log: a commit is in the operating
// system's hands before it is acknowledged, so it survives the death of the
// process, and no commit waits for the disk. (A power cut may take the last
// commits, never the file's consistency.)
func fileConfig(path string) (*config.SQL, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("database file %s: %w", path, err)
	}
	if _, err := os.Stat(filepath.Dir(absolute)); err != nil {
		return nil, fmt.Errorf("folder of the database file: %w", err)
	}
	return &config.SQL{
		PluginName:   sqlite.PluginName,
		DatabaseName: (&url.URL{Path: absolute}).EscapedPath(),
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": "wal",
			"synchronous":  "normal",
			"busy_timeout": "5000",
			// No such pragma exists, so SQLite ignores it. Temporal keeps
			// connections for the life of the process, by their settings: this
			// keeps a server from getting its predecessor's.
			"latchkey_server": strconv.FormatInt(openedFiles.Add(1), 10),
		},
	}, nil
}

// ensureTables makes the tables in a new file, in one transaction, so that a
// process that dies meanwhile leaves an empty file and not half of them. It
// refuses a file that is not ours or that was made for another version of
// Temporal's tables, which Temporal cannot migrate on SQLite.
func ensureTables(db sqlplugin.AdminDB) error {
	tables, err := db.ListTables("")
	if err != nil {
		return err
	}
	if len(tables) == 0 {
		return createTables(db)
	}
	version, err := db.ReadSchemaVersion(schemaOwner)
	if err != nil {
		return fmt.Errorf("it is no database of this development server; choose another file (%w)", err)
	}
	if version != schemaVersion {
		return fmt.Errorf("it was made for Temporal's tables %s, this server has %s; remove the file or choose another", version, schemaVersion)
	}
	return nil
}

// createTables relies on the store having one connection, as Temporal's SQLite stores do.
func createTables(db sqlplugin.AdminDB) error {
	for _, step := range []func() error{
		func() error { return db.Exec("BEGIN IMMEDIATE") },
		func() error { return sqliteschema.SetupSchemaOnDB(db) },
		db.CreateSchemaVersionTables,
		func() error { return db.UpdateSchemaVersion(schemaOwner, schemaVersion, schemaVersion) },
		func() error { return db.Exec("COMMIT") },
	} {
		if err := step(); err != nil {
			return errors.Join(err, db.Exec("ROLLBACK"))
		}
	}
	return nil
}

// closeDatabase folds the write-ahead log into the file. The connection itself
// stays open until the process ends, because Temporal never closes one.
func closeDatabase(store *config.SQL) error {
	err := withAdmin(store, func(db sqlplugin.AdminDB) error { return db.Exec("PRAGMA wal_checkpoint(TRUNCATE)") })
	if err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}

func withAdmin(store *config.SQL, do func(sqlplugin.AdminDB) error) error {
	db, err := persistencesql.NewSQLAdminDB(sqlplugin.DbKindUnknown, store, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
