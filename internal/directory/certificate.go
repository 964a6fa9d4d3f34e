package directory

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Authority signs certificates.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	// File holds its certificate.
	File string
}

// NewAuthority makes an authority whose certificate stands in the folder.
func NewAuthority(folder string) (*Authority, error) {
	authority := &Authority{File: filepath.Join(folder, "ca.pem")}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Latchkey test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	var err error
	if authority.key, err = sign(template, template, nil, authority.File, filepath.Join(folder, "ca.key")); err != nil {
		return nil, err
	}
	authority.certificate = template
	return authority, nil
}

// Certificate says what a certificate is to hold.
type Certificate struct {
	// Subject is its common name; Hosts are the names and addresses that it is for.
	Subject string
	Hosts   []string
	// NotAfter is its end; zero is two days from now.
	NotAfter time.Time
	// SelfSigned leaves the authority out.
	SelfSigned bool
}

// Issue writes a certificate and its key to the files.
func (a *Authority) Issue(of Certificate, certificateFile, keyFile string) error {
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: of.Subject, Organization: []string{"Latchkey"}},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: of.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if of.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(48 * time.Hour)
	}
	for _, host := range of.Hosts {
		if address := net.ParseIP(host); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	parent, key := a.certificate, a.key
	if of.SelfSigned {
		parent, key = template, nil
	}
	_, err := sign(template, parent, key, certificateFile, keyFile)
	return err
}

// sign writes a certificate that parent's key signs, its own without one.
func sign(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey, certificateFile, keyFile string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	if parentKey == nil {
		parentKey = key
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	encodedKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	if err := writePEM(certificateFile, "CERTIFICATE", encoded); err != nil {
		return nil, err
	}
	return key, writePEM(keyFile, "PRIVATE KEY", encodedKey)
}

func writePEM(path, kind string, content []byte) error {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
		return fmt.Errorf("write a certificate: %w", err)
	}
	return nil
}
