package devserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	persistencespb "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/serialization"
	persistencesql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/common/searchattribute/sadefs"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	// schemaOwner is the row of the schema version table that marks a database
	// file as ours.
	schemaOwner = "latchkey-devserver"
	// retention is how long closed workflows stay readable.
	retention = 7 * 24 * time.Hour
)

// openedFiles counts the database files that this process has opened.
var openedFiles atomic.Int64

// database is the SQLite store of one server.
type database struct {
	sql    *config.SQL
	memory bool
}

// openDatabase makes or reopens the store, its schema, the namespace and the
// search attributes.
func openDatabase(options Options) (*database, error) {
	d := &database{memory: options.DatabaseFile == ""}
	var err error
	if d.memory {
		d.sql = memoryConfig()
	} else if d.sql, err = fileConfig(options.DatabaseFile); err != nil {
		return nil, err
	}
	if !d.memory { // Temporal itself makes the schema of a store in memory
		if err := d.ensureSchema(options.DatabaseFile); err != nil {
			return nil, err
		}
	}
	if err := d.ensureNamespace(options.Namespace, options.SearchAttributes); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
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

// ensureSchema makes the tables in a new file, in one transaction, so that a
// process that dies meanwhile leaves an empty file and not half a schema.
func (d *database) ensureSchema(path string) error {
	db, err := d.admin()
	if err != nil {
		return fmt.Errorf("open database file %s: %w", path, err)
	}
	defer func() { _ = db.Close() }()
	tables, err := db.ListTables(d.sql.DatabaseName)
	if err != nil {
		return fmt.Errorf("read database file %s: %w", path, err)
	}
	if len(tables) > 0 {
		return checkSchema(db, path)
	}
	if err := inTransaction(db, func() error { return createSchema(db) }); err != nil {
		return fmt.Errorf("make the tables of database file %s: %w", path, err)
	}
	return nil
}

func createSchema(db sqlplugin.AdminDB) error {
	if err := sqliteschema.SetupSchemaOnDB(db); err != nil {
		return err
	}
	if err := db.CreateSchemaVersionTables(); err != nil {
		return err
	}
	return db.UpdateSchemaVersion(schemaOwner, schemaVersion(), schemaVersion())
}

// checkSchema refuses a file that is not ours or that was made for another
// version of Temporal's tables, which Temporal cannot migrate on SQLite.
func checkSchema(db sqlplugin.AdminDB, path string) error {
	version, err := db.ReadSchemaVersion(schemaOwner)
	if err != nil {
		return fmt.Errorf("%s is not a database of this development server; choose another file (%w)", path, err)
	}
	if version != schemaVersion() {
		return fmt.Errorf("%s was made for Temporal's tables %s, this server has %s; remove the file or choose another", path, version, schemaVersion())
	}
	return nil
}

func schemaVersion() string { return sqliteschema.Version + "/" + sqliteschema.VisibilityVersion }

// inTransaction relies on the store having one connection, as Temporal's
// SQLite stores do.
func inTransaction(db sqlplugin.AdminDB, do func() error) error {
	if err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := do(); err != nil {
		return errors.Join(err, db.Exec("ROLLBACK"))
	}
	return db.Exec("COMMIT")
}

// ensureNamespace makes the namespace, or adds to an existing one the search
// attributes that it lacks.
func (d *database) ensureNamespace(name string, attributes map[string]enumspb.IndexedValueType) error {
	fresh, err := sqliteschema.NewNamespaceConfig(clusterName, name, false, nil)
	if err != nil {
		return fmt.Errorf("describe namespace %s: %w", name, err)
	}
	fresh.Detail.Config.Retention = durationpb.New(retention)
	if err := sqliteschema.CreateNamespaces(d.sql, fresh); err != nil {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	db, err := persistencesql.NewSQLDB(sqlplugin.DbKindMain, d.sql, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer func() { _ = db.Close() }()
	if err := addSearchAttributes(db, name, attributes); err != nil {
		return fmt.Errorf("search attributes of namespace %s: %w", name, err)
	}
	return nil
}

// addSearchAttributes writes them where the server reads them when it boots,
// so that no cache has to catch up before the first workflow uses them.
func addSearchAttributes(db sqlplugin.DB, namespace string, attributes map[string]enumspb.IndexedValueType) error {
	ctx := context.Background()
	rows, err := db.SelectFromNamespace(ctx, sqlplugin.NamespaceFilter{Name: &namespace})
	if err != nil {
		return err
	}
	serializer := serialization.NewSerializer()
	row := rows[0]
	encoding, err := enumspb.EncodingTypeFromString(row.DataEncoding)
	if err != nil {
		return err
	}
	detail, err := serializer.NamespaceDetailFromBlob(&commonpb.DataBlob{Data: row.Data, EncodingType: encoding})
	if err != nil {
		return err
	}
	changed, err := assignSlots(detail.Config, attributes)
	if err != nil || !changed {
		return err
	}
	blob, err := serializer.NamespaceDetailToBlob(detail)
	if err != nil {
		return err
	}
	row.Data, row.DataEncoding = blob.Data, blob.EncodingType.String()
	_, err = db.UpdateNamespace(ctx, &row)
	return err
}

// assignSlots gives each attribute that has none a free column of its type.
func assignSlots(namespace *persistencespb.NamespaceConfig, attributes map[string]enumspb.IndexedValueType) (changed bool, err error) {
	slots := sadefs.GetDBIndexSearchAttributes(nil).CustomSearchAttributes
	if namespace.CustomSearchAttributeAliases == nil {
		namespace.CustomSearchAttributeAliases = map[string]string{}
	}
	aliases := namespace.CustomSearchAttributeAliases // column to attribute
	columns := map[string]string{}                    // attribute to column
	for column, attribute := range aliases {
		columns[attribute] = column
	}
	for _, name := range sortedKeys(attributes) {
		want := attributes[name]
		if column, ok := columns[name]; ok {
			if have := slots[column]; have != want {
				return false, fmt.Errorf("%s exists as %s and cannot become %s", name, have, want)
			}
			continue
		}
		column := freeSlot(slots, aliases, want)
		if column == "" {
			return false, fmt.Errorf("%s: no free column of type %s is left", name, want)
		}
		aliases[column] = name
		changed = true
	}
	return changed, nil
}

func freeSlot(slots map[string]enumspb.IndexedValueType, taken map[string]string, want enumspb.IndexedValueType) string {
	for _, column := range sortedKeys(slots) {
		if _, used := taken[column]; !used && slots[column] == want {
			return column
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, strings.Compare)
	return keys
}

func (d *database) admin() (sqlplugin.AdminDB, error) {
	return persistencesql.NewSQLAdminDB(sqlplugin.DbKindUnknown, d.sql, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
}

// close folds the write-ahead log into the file, or gives a store's memory
// back. The connection itself stays open until the process ends, because
// Temporal never closes one.
func (d *database) close() error {
	db, err := d.admin()
	if err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	defer func() { _ = db.Close() }()
	if !d.memory {
		if err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			return fmt.Errorf("close the database: %w", err)
		}
		return nil
	}
	if err := empty(db, d.sql.DatabaseName); err != nil {
		return fmt.Errorf("empty the database: %w", err)
	}
	return nil
}

// empty drops every table. Some go with others, being their indexes.
func empty(db sqlplugin.AdminDB, name string) error {
	tables, err := db.ListTables(name)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := db.Exec("DROP TABLE IF EXISTS " + table); err != nil {
			return err
		}
	}
	return db.Exec("VACUUM")
}
